// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a result may be trusted: what a run shows of itself is judged, and what is found is said in words with a
// remedy.
#ifndef VMC_JUDGE_H
#define VMC_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

struct run_result;

enum run_verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_DOUBTFUL, VERDICT_BAD };
struct run_finding {
    enum run_verdict verdict;  // doubtful or bad
    const char *name;          // "stuck walkers"; static text
    char what[320];            // what was seen, and what it means
    const char *remedy;        // what to do; static text
};
enum { FINDINGS_MOST = 20 };
struct run_judgement {
    enum run_verdict verdict;  // the worst of what was found
    size_t n;
    struct run_finding finding[FINDINGS_MOST];
};

// What is judged.
struct run_evidence {
    const struct run_result *result;
    size_t chains, draws;                // of the series below; 0: there is none
    const double *energy;                // [chain, draw]
    double draws_per_chain;              // in all: values of the series are means over several where there were more
    bool has_step;                       // the sampler has a step that is accepted or not
    bool has_nodes, has_core, scalable;  // of the wave function, all its factors trained where scalable
    bool trained;                        // training was asked for
    double exact;                        // energy that no wave function gets below; NAN: not known
    double closed_form;  // energy of this very wave function without samples (vmc/referee.h); NAN: not known
};

// "good", "doubtful", "bad"; "" for none.
const char *run_verdict_name(enum run_verdict verdict);
void run_judge(const struct run_evidence *evidence, struct run_judgement *judgement);

#endif
