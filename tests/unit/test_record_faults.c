// SPDX-License-Identifier: GPL-3.0-or-later
// The results file in trouble: damage is noticed; full disks and folders that cannot be written to are told, and change
// nothing.
#include "support/sample.h"
#include "record/private.h"
#include "vmc/merge.h"
#include "vmc/units.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- damage ----

static uint64_t dice(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// A reader's whole way through a file that opened: nothing may differ from what was written.
static void read_sample(struct record_file *file)
{
    double value[SAMPLE_CHAINS * SAMPLE_DRAWS];
    uint64_t count;
    char *text;
    sample_has_reals(file, "/training/energy", SAMPLE_ITERATIONS, sample_energy);
    sample_has_reals(file, "/measurement/energy", SAMPLE_CHAINS * SAMPLE_DRAWS, sample_series);
    sample_has_reals(file, "/result/energy", 1, &(double){ 3.0652 });
    assert_true(record_read_count(file, "/result/n_samples", &count, NULL) && count == 1234567);
    sample_has_text(file, "/config/text", "[system]\nparticles = 2 ; \xce\xb1\n");
    sample_has_attribute(file, "/", "status", "complete");
    assert_true(record_read_reals(file, "/measurement/draw", SAMPLE_DRAWS, value, NULL) &&
                value[SAMPLE_DRAWS - 1] == SAMPLE_DRAWS - 1);
    text = record_read_attribute(file, "/training/energy", "units", NULL);
    assert_string_equal(text, UNIT_ENERGY);
    free(text);
}

// One damaged file after another in a child: bits, bytes, zeroed stretches, cut ends. Returns the child's wait status.
static int damage(const unsigned char *good, size_t size, unsigned first, unsigned n, bool foreign)
{
    const pid_t child = fork();
    if (child != 0) {
        int status = -1;
        waitpid(child, &status, 0);
        return status;
    }
    alarm(300);
    unsigned char *bytes = malloc(size);
    char *path = sample_path("damaged.h5");
    unsigned opened = 0;
    for (unsigned i = first; i < first + n; i++) {
        uint64_t random = 0x9e3779b97f4a7c15 * (i + 1);
        for (int k = 0; k < 4; k++)
            dice(&random);
        memcpy(bytes, good, size);
        size_t kept = size, at = dice(&random) % size, length = 1 + dice(&random) % 64;
        switch (i % 4) {
        case 0: bytes[at] ^= (unsigned char)(1u << dice(&random) % 8); break;
        case 1: bytes[at] = (unsigned char)(bytes[at] + 1 + dice(&random) % 255); break;
        case 2: memset(bytes + at, i % 8 < 4 ? 0 : 0xff, length < size - at ? length : size - at); break;
        case 3:
            kept = i % 64 == 3 ? at : size;
            bytes[at] = (unsigned char)~bytes[at];
            break;
        }
        bool same = kept == size && memcmp(bytes, good, size) == 0;
        remove(path);  // what takes the place of another file at once may wait for the disk
        sample_spill(path, bytes, kept);
        struct record_file *file = record_open(path, foreign, NULL);
        if (file != NULL) {
            opened++;
            read_sample(file);
            record_close(file);
        }
        if (same && file == NULL)
            _exit(3);
    }
    free(bytes);
    _exit(opened == n ? 2 : 0);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    size_t size;
    sample_publish(sample_path("sound.h5"), "today");
    unsigned char *bytes = sample_slurp(sample_path("sound.h5"), &size);
    const char *more = getenv("VMC_TEST_MUTATIONS");
    unsigned n = more != NULL ? (unsigned)strtoul(more, NULL, 10) : 2000;
    assert_int_equal(damage(bytes, size, 0, n, false), 0);
    assert_int_equal(damage(bytes, size, n, n / 4, true), 0);
    assert_int_equal(damage(bytes, size - RECORD_SEAL_SIZE, 2 * n, n / 50, false), 0);  // the digest alone
    free(bytes);
}

// ---- publishing ----

static size_t files_in_folder(const char *pattern)
{
    char command[4 * SAMPLE_PATH_SIZE], answer[32] = "";
    snprintf(command, sizeof command, "ls -A %s | grep -c -- '%s'", sample_folder, pattern);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char *line = fgets(answer, sizeof answer, pipe);
    pclose(pipe);
    return line != NULL ? (size_t)strtoul(answer, NULL, 10) : 0;
}

// A temporary of this place as process `pid` would name it, and its second name.
static void leave_temporaries(const char *path, long pid)
{
    char name[SAMPLE_PATH_SIZE], *own = record_process_temporary(path);
    assert_non_null(own);
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "%.*s.%ld%s", (int)(strrchr(own, '.') - own), own, pid, k ? ".old" : "");
        sample_spill(name, (const unsigned char *)"x", 1);
    }
    free(own);
}

static void stale_temporaries_go(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    leave_temporaries(sample_path("stale.h5"), (long)child);
    leave_temporaries(sample_path("stale.h5"), (long)getpid());
    leave_temporaries(sample_path("stale.h5"), (long)getppid());
    sample_spill(sample_path("stale.h5.tmp.notes"), (const unsigned char *)"x", 1);
    sample_publish(sample_path("stale.h5"), "today");
    assert_int_equal(files_in_folder("stale.h5.tmp"), 3);  // of a living process, and no temporary at all
}

static void readers_keep_what_they_hold(void **state)
{
    (void)state;
    const char *path = sample_path("held.h5");
    struct stat before, after;
    sample_publish(path, "today");
    hid_t held = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(held >= 0 && stat(path, &before) == 0);
    sample_publish(path, "tomorrow");
    assert_true(stat(path, &after) == 0 && before.st_ino != after.st_ino);
    struct record_file *file = sample_open(path, false);
    sample_has_attribute(file, "/", "created", "tomorrow");
    record_close(file);
    struct record_source source;
    hid_t root = H5Oopen(held, "/", H5P_DEFAULT);
    assert_true(record_source_attribute(&source, root, "created"));
    char *text = record_source_string(&source);
    assert_string_equal(text, "today");
    free(text);
    record_source_close(&source);
    H5Oclose(root);
    H5Fclose(held);
    assert_int_equal(files_in_folder("held.h5"), 1);
}

static void links_are_followed(void **state)
{
    (void)state;
    struct stat status;
    sample_publish(sample_path("real.h5"), "today");
    unlink(sample_path("link.h5"));
    assert_int_equal(symlink("real.h5", sample_path("link.h5")), 0);
    sample_publish(sample_path("link.h5"), "tomorrow");
    assert_true(lstat(sample_path("link.h5"), &status) == 0 && S_ISLNK(status.st_mode));
    struct record_file *file = sample_open(sample_path("real.h5"), false);
    sample_has_attribute(file, "/", "created", "tomorrow");
    record_close(file);
}

// Publishes over a good file in a child that `prepare` has put into trouble. The old file must stay, with no temporary
// beside it.
static void publish_in_trouble(void (*prepare)(void), const char *word)
{
    size_t size, size_after;
    const char *path = sample_path("old.h5");
    sample_publish(path, "today");
    unsigned char *before = sample_slurp(path, &size);
    const pid_t child = fork();
    if (child == 0) {
        struct error error = { 0 };
        struct record *record = sample_record("tomorrow");
        prepare();
        bool good = record_publish(record, path, &error);
        record_destroy(record);
        _exit(!good && error.kind == ERROR_WRITE && strstr(error.text, word) != NULL && strstr(error.text, path) != NULL
                  ? 0
                  : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    unsigned char *after = sample_slurp(path, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    assert_int_equal(files_in_folder("old.h5"), 1);
    free(before);
    free(after);
    sample_publish(path, "a retry");
}

static void small_files_only(void)
{
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 5000, 5000 });
}

static void no_more_files(void) { setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 3 }); }

// Root may write everywhere: another user then.
static void unwritable_folder(void)
{
    if (geteuid() == 0 && (chmod(sample_folder, 0755) != 0 || seteuid(65534) != 0))
        _exit(9);
    if (geteuid() != 65534 && chmod(sample_folder, 0555) != 0)
        _exit(9);
}

static void trouble_leaves_the_old_file(void **state)
{
    (void)state;
    publish_in_trouble(small_files_only, "File too large");
    publish_in_trouble(no_more_files, "Too many open files");
    publish_in_trouble(unwritable_folder, "Permission denied");
    assert_int_equal(chmod(sample_folder, 0755), 0);
}

// Signals that come all the time do not end the wait for a file that is tried.
static void ignore(int number) { (void)number; }

static void wait_a_little(void *context) { usleep(*(const useconds_t *)context); }

static void trials_outlast_signals(void **state)
{
    (void)state;
    struct sigaction before;
    useconds_t length = 100000;
    assert_int_equal(sigaction(SIGALRM, &(struct sigaction){ .sa_handler = ignore }, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 5000 }, { 0, 5000 } }, NULL), 0);
    const enum record_trial how = record_trial(wait_a_little, &length, 10);
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 0 } }, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_int_equal(how, RECORD_TRIAL_GOOD);
}

static void odd_targets_are_refused(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct record *record = sample_record("today");
    assert_int_equal(mkdir(sample_path("a_folder"), 0755), 0);
    assert_false(record_publish(record, sample_path("a_folder"), &error));
    assert_false(record_publish(record, sample_path("no/where.h5"), &error));
    assert_false(record_publish(record, "", &error));
    assert_int_equal(error.n_messages, 3);
    assert_int_equal(error.kind, ERROR_WRITE);
    assert_int_equal(files_in_folder("tmp"), files_in_folder("stale.h5.tmp"));
    error_clear(&error);
    record_destroy(record);
}

// A file system of 64 KiB, where we may make one.
static void full_disks_are_told(void **state)
{
    (void)state;
    char command[2 * SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
    struct error error = { 0 };
    static double big[20000];
    mkdir(sample_path("small"), 0755);
    snprintf(command, sizeof command, "mount -t tmpfs -o size=96k none %s/small 2>/dev/null", sample_folder);
    if (geteuid() != 0 || system(command) != 0) {
        print_message("left out: nothing can be mounted here\n");
        skip();
    }
    for (size_t i = 0; i < 20000; i++)
        big[i] = sin((double)(i * i));
    snprintf(path, sizeof path, "%s/small/full.h5", sample_folder);
    sample_publish(path, "today");
    struct record *record = sample_record("tomorrow");
    record_add_array(record, &(struct record_array){ "/big", "1", "big", 1, { { "n", 20000, "1", "n", NULL } }, big });
    bool good = record_publish(record, path, &error);
    record_destroy(record);
    struct record_file *file = record_open(path, false, NULL);
    char *created = file != NULL ? record_read_attribute(file, "/", "created", NULL) : NULL;
    record_close(file);
    size_t left = files_in_folder("small/full.h5.tmp");
    snprintf(command, sizeof command, "umount %s/small", sample_folder);
    assert_int_equal(system(command), 0);
    assert_false(good);
    assert_int_equal(error.kind, ERROR_WRITE);
    assert_non_null(strstr(error.text, "No space left"));
    assert_non_null(created);
    assert_string_equal(created, "today");
    assert_int_equal(left, 0);
    free(created);
    error_clear(&error);
}

static size_t open_descriptors(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

// Files, folders and locks that are opened are closed again, whatever comes of it.
static void descriptors_are_given_back(void **state)
{
    (void)state;
    char bad[SAMPLE_PATH_SIZE], folder[SAMPLE_PATH_SIZE], fifo[SAMPLE_PATH_SIZE], merged[SAMPLE_PATH_SIZE],
        good[SAMPLE_PATH_SIZE];
    struct error error = { 0 };
    strcpy(bad, sample_path("bad.h5"));
    strcpy(folder, sample_path("shut"));
    strcpy(fifo, sample_path("fifo.h5"));
    strcpy(merged, sample_path("merged.h5"));
    strcpy(good, sample_path("closed.h5"));
    sample_publish(good, "today");
    sample_spill(bad, (const unsigned char *)"no HDF5 file at all", 19);
    mkdir(folder, 0755);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const size_t before = open_descriptors();
    for (int k = 0; k < 3; k++) {
        sample_publish(good, "today");
        struct record *record = sample_record("today");
        assert_false(record_publish(record, folder, &error));
        record_destroy(record);
        record_close(sample_open(good, false));
        const char *const unreadable[] = { bad, folder, fifo, merged };
        for (size_t u = 0; u < 4; u++)
            assert_null(record_open(unreadable[u], false, &error));
        struct record_lock *lock = record_lock_take(good, &error);
        assert_non_null(lock);
        assert_null(record_lock_take(good, &error));
        assert_true(record_lock_held(lock, &error));
        record_lock_release(lock);
        assert_false(record_is_merged(good));
        assert_int_equal(open_descriptors(), before);
    }
    error_clear(&error);
}

// Where the shell has closed them, a file gets the number of one.
static void standard_streams_may_be_closed(void **state)
{
    (void)state;
    const char *path = sample_path("streamless.h5");
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(0);
        struct record *record = sample_record("today");
        struct record_lock *lock = record_lock_take(path, NULL);
        const bool good = lock && record_publish_locked(record, path, lock, NULL);
        struct record_file *file = good ? record_open(path, false, NULL) : NULL;
        _exit(file ? 0 : good ? 2 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

// ---- lists of objects, of files that somebody else made ----

// A file in memory with this many bytes at least.
static hid_t file_in_memory(size_t bytes)
{
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), space = H5Screate_simple(1, &(hsize_t){ bytes }, NULL),
                early = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_fapl_core(access, 1 << 16, false) >= 0 && H5Pset_alloc_time(early, H5D_ALLOC_TIME_EARLY) >= 0);
    const hid_t file = H5Fcreate("in memory", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    const hid_t set = H5Dcreate2(file, "bytes", H5T_NATIVE_INT8, space, H5P_DEFAULT, early, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Pclose(early);
    H5Sclose(space);
    H5Pclose(access);
    return file;
}

static void group_add(hid_t file, const char *path)
{
    const hid_t group = H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(group >= 0);
    H5Gclose(group);
}

// Further names of the object, n of them in this folder.
static void links_add(hid_t file, const char *object, const char *folder, size_t n)
{
    char name[64];
    for (size_t k = 0; k < n; k++) {
        snprintf(name, sizeof name, "%s/%zu", folder, k);
        assert_true(H5Lcreate_hard(file, object, file, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
    }
}

// How many objects the list has that is made of the file, 0 where none is.
static size_t objects_listed(hid_t file, const char *top)
{
    struct record_table table;
    const size_t n = record_table_build(&table, file, top, false) ? table.n : 0;
    if (n > 0)
        record_table_finish(&table);
    return n;
}

// 100,000 names, or one for every 64 bytes of a file that is larger: few objects with many names do not grow without
// end.
static void names_are_bounded(void **state)
{
    (void)state;
    enum { MOST = 100000, OUTER = 248, INNER = 399 };
    const size_t large = 64 * (MOST + 500);
    for (size_t bytes = 1; bytes <= large; bytes += large - 1) {
        const hid_t file = file_in_memory(bytes);
        hsize_t size = 0;
        group_add(file, "/leaf");
        group_add(file, "/inner");
        group_add(file, "/outer");
        links_add(file, "/leaf", "/inner", INNER);
        links_add(file, "/inner", "/outer", OUTER);
        group_add(file, "/rest");
        assert_true(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 && H5Fget_filesize(file, &size) >= 0);
        // the root, `bytes`, four groups, and the names in them
        const size_t n = 6 + INNER + OUTER * (1 + INNER);
        assert_true(n < MOST && size / 64 < MOST + 5000);
        links_add(file, "/leaf", "/rest", MOST + 1 - n);
        assert_int_equal(objects_listed(file, "/"), bytes > 1 ? MOST + 1 : 0);
        H5Fclose(file);
    }
}

// Folders in 16 folders, names of 4,095 bytes; of a digest that is made by parts, in each part.
static void depths_are_bounded(void **state)
{
    (void)state;
    const hid_t file = file_in_memory(1);
    char path[4200] = "/runs", digest[RECORD_DIGEST_SIZE];
    group_add(file, path);
    for (size_t depth = 2; depth <= 18; depth++) {
        strcat(path, "/a");
        group_add(file, path);
        if (depth == 16)
            assert_int_equal(objects_listed(file, "/"), 18);  // with the root and `bytes`
    }
    assert_int_equal(objects_listed(file, "/"), 0);
    assert_int_equal(objects_listed(file, "/runs"), 0);
    assert_int_equal(objects_listed(file, "/runs/a"), 17);
    assert_true(H5Ldelete(file, "/bytes", H5P_DEFAULT) >= 0);
    assert_true(record_digest_parts(file, "/runs", digest));  // each run has its own list
    assert_false(record_digest_parts(file, "/none", digest));
    H5Fclose(file);

    const hid_t other = file_in_memory(1);
    path[0] = '/';
    memset(path + 1, 'n', 4094);
    path[4095] = '\0';
    group_add(other, path);
    assert_int_equal(objects_listed(other, "/"), 3);
    strcat(path, "n");
    group_add(other, path);
    assert_int_equal(objects_listed(other, "/"), 0);
    H5Fclose(other);
}

int main(void)
{
    record_prepare_hdf5();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_noticed),           cmocka_unit_test(stale_temporaries_go),
        cmocka_unit_test(readers_keep_what_they_hold), cmocka_unit_test(links_are_followed),
        cmocka_unit_test(trouble_leaves_the_old_file), cmocka_unit_test(odd_targets_are_refused),
        cmocka_unit_test(full_disks_are_told),         cmocka_unit_test(trials_outlast_signals),
        cmocka_unit_test(descriptors_are_given_back),  cmocka_unit_test(standard_streams_may_be_closed),
        cmocka_unit_test(names_are_bounded),           cmocka_unit_test(depths_are_bounded),
    };
    return cmocka_run_group_tests(tests, sample_set_up, sample_tear_down);
}
