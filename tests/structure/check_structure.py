#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/architecture.md that a program can check.

    check_structure.py SOURCE_ROOT [BUILT_LIBRARY...]

- every source, header, script and build file has its SPDX line near the top;
- a room includes only itself and floors below its own;
- no include cycles; public headers keep packs to themselves;
- what a room exports begins with a name of the room (from the built libraries, with nm);
- the files of a room do not call one another in a ring (from their object files, with nm);
- equations and sections of docs/theory.md are numbered one after the other, and those that are cited are there;
- every change of tests/mutations still finds its place in the source, once, and each change there is proven harmless or
  asked for, not both.
"""
import re
import subprocess
import sys
from pathlib import Path

# docs/architecture.md, section 1.
FLOORS = [
    {'base'},
    {'config', 'rng', 'reference'},
    {'walkers'},
    {'hamiltonian', 'machine', 'wavefunction'},
    {'sampler', 'estimator', 'referee'},
    {'record', 'optimizer'},
    {'settings'},
    {'learn', 'run', 'sweep'},
    {'cli'},
    {'mpi'},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Public headers that do not have the name of their room.
HEADERS = {
    'error': 'base', 'layout': 'base', 'level': 'base', 'param': 'base', 'system': 'base', 'units': 'base',
    'geometry': 'walkers', 'factor': 'wavefunction',
    'observables': 'estimator', 'statistics': 'estimator',
    'merge': 'record',
    'diagnose': 'run', 'judge': 'run', 'team': 'run', 'verify': 'run',
}
# first word or words of exported names, per room; descriptors are kind_name
PREFIXES = {
    'base': 'error_ param_ memory_ level_', 'config': 'config_', 'rng': 'rng_', 'reference': 'reference_',
    'walkers': 'geometry_', 'hamiltonian': 'hamiltonian_ interaction_', 'wavefunction': 'wavefunction_ factor_',
    'sampler': 'sampler_ accept_', 'estimator': 'estimator_ statistics_ controls_ control_ energy_ observables_ observable_', 'record': 'record_', 'optimizer': 'optimizer_',
    'referee': 'referee_',
    'learn': 'learn_', 'machine': 'machine_',
    'settings': 'settings_', 'sweep': 'sweep_', 'run': 'run_',
}
# Where a descriptor and the list it stands in, or two halves of one thing, name one another.
RINGS_ALLOWED = {'wavefunction', 'estimator', 'record'}
SPDX = 'SPDX-License-Identifier: GPL-3.0-or-later'
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def room_of(path):
    """'run' for src/run/x.c, "run/x.h", include/vmc/run.h and "vmc/run.h"."""
    parts = path.parts
    for head in ('src', 'include'):
        if head in parts:
            parts = parts[parts.index(head) + 1:]
    return HEADERS.get(path.stem, path.stem) if parts[0] == 'vmc' else parts[0]


def spdx(root):
    patterns = ('src/**/*.[ch]', 'include/**/*.h', 'tests/**/*.[ch]', 'tests/**/*.py', 'scripts/*', '**/meson.build', '.ci/run')
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if not path.is_file() or any(part.startswith('build') for part in path.relative_to(root).parts[:-1]):
                continue
            if SPDX not in path.read_text(encoding='utf-8', errors='replace')[:400]:
                yield f'{path.relative_to(root)}: no SPDX line'


def sources(root):
    return sorted([*root.glob('src/*/*.[ch]'), *root.glob('include/vmc/*.h')])


def includes(path):
    return INCLUDE.findall(path.read_text(encoding='utf-8'))


def upward(root):
    for path in sources(root):
        room = room_of(path.relative_to(root))
        if room not in FLOOR:
            yield f'{path.relative_to(root)}: room {room} has no floor in check_structure.py'
            continue
        for name in includes(path):
            if '/' not in name:
                continue  # generated
            other = room_of(Path(name))
            if other == room:
                continue
            if other not in FLOOR:
                yield f'{path.relative_to(root)}: includes {name}, which is in no room'
            elif FLOOR[other] >= FLOOR[room]:
                yield f'{path.relative_to(root)}: floor {FLOOR[room]} includes {name} of floor {FLOOR[other]}'


def cycles(root):
    graph = {}
    for path in sources(root):
        targets = [root / 'include' / name if name.startswith('vmc/') else root / 'src' / name for name in includes(path)]
        graph[path] = [target for target in targets if target in graph or target.exists()]
    done, active = set(), []

    def visit(path):
        if path in active:
            return [' -> '.join(str(p.relative_to(root)) for p in active[active.index(path):] + [path])]
        if path in done:
            return []
        active.append(path)
        found = [cycle for target in graph.get(path, []) for cycle in visit(target)]
        active.pop()
        done.add(path)
        return found

    for path in graph:
        for cycle in visit(path):
            yield f'include cycle: {cycle}'


def public_headers(root):
    for path in sorted(root.glob('include/vmc/*.h')):
        if any(not name.startswith('vmc/') for name in includes(path)):
            yield f'{path.relative_to(root)}: a public header includes private ones'


def exported(root, library):
    """Names the library defines, against the room whose source defines them."""
    said = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True, text=True).stdout
    names = {line.split()[-1] for line in said.splitlines() if line.split()[-2] in 'TDBRVW'}
    names = {name.split('@')[0] for name in names if not name.startswith(('_', 'asan', 'ubsan'))}
    allowed = {prefix for prefixes in PREFIXES.values() for prefix in prefixes.split()}
    homes = {}
    for path in root.glob('src/*/*.c'):
        for line in path.read_text(encoding='utf-8').split('\n'):
            head = re.match(r'(?!static\b|extern\b|\s|//|#)[^;=]*=?', line)  # what may define something
            for name in re.findall(r'\b(\w+)\s*(?=[(=\[])', head[0]) if head else ():
                if name in names:
                    homes[name] = room_of(path.relative_to(root))
    for name in sorted(names):
        room = homes.get(name)
        prefixes = tuple(PREFIXES[room].split()) if room in PREFIXES else tuple(allowed)
        # a file may prefix by its own name what its room shares: rbm_… in wavefunction/rbm.c
        own = tuple(path.stem + '_' for path in root.glob(f'src/{room}/*.c')) if room else ()
        if not name.startswith(prefixes + own):
            yield f'{Path(library).name}: {name} (room {room}) lacks a prefix of its room'


def symbols(paths):
    """Names each object file defines, and those it needs."""
    said = subprocess.run(['nm', '-A', *paths], check=True, capture_output=True, text=True).stdout
    found = {str(path): (set(), set()) for path in paths}
    for path, words in (line.split(':', 1) for line in said.splitlines()):
        kind, name = words.split()[-2:]
        if kind in 'TDRBU':
            found[path][kind == 'U'].add(name)
    return found


def rings(library):
    """Files of one room that need one another, in a circle."""
    names = {}
    for path in Path(f'{library}.p').glob('*.c.o'):
        room, _, name = path.name[:-len('.c.o')].partition('_')
        if room in FLOOR and room not in RINGS_ALLOWED:
            names[str(path)] = room, name
    found = {names[path]: both for path, both in symbols(list(names)).items()} if names else {}
    home = {symbol: file for file, (defined, _) in found.items() for symbol in defined}
    needs = {file: {home[s] for s in needed if s in home and home[s] != file and home[s][0] == file[0]} for file, (_, needed) in found.items()}
    while free := [file for file, others in needs.items() if not others]:
        for file in free:
            del needs[file]
        for others in needs.values():
            others.difference_update(free)
    if needs:
        yield f'{Path(library).name}: in a ring, or above one: ' + ', '.join(sorted('/'.join(file) for file in needs))


def theory(root):
    """Equations are (section.number) at the end of a line; cited as "equation 3.7", "eqs. 4.5 and 4.6" or "section 6"."""
    text = (root / 'docs' / 'theory.md').read_text()
    there = re.findall(r'\((\d+\.\d+)\)$', text, re.MULTILINE)
    sections = re.findall(r'^## (\d+)\.', text, re.MULTILINE)
    last = {}
    for section, number in (name.split('.') for name in there):
        last[section] = last.get(section, 0) + 1
        if int(number) != last[section] or section not in sections:
            yield f'docs/theory.md: equation {section}.{number} is out of order'
    if sections != [str(k + 1) for k in range(len(sections))]:
        yield f'docs/theory.md: sections are numbered {", ".join(sections)}'
    files = [path for folder in ('src', 'include', 'docs', 'tests', 'scripts') for path in (root / folder).rglob('*')
             if path.suffix in ('.c', '.h', '.md', '.py')]
    for path in [*files, root / 'README.md']:
        cites = re.sub(r'\s*\n\s*(//)?\s*', ' ', path.read_text())
        within = path.name == 'theory.md'
        for words in [] if not within and 'theory.md' not in cites else re.findall(r'(?:[Ee]quations?|\beqs?\.) (\d+\.\d+(?:(?:,| and| to| or) \d+\.\d+)*)', cites):
            for name in re.findall(r'\d+\.\d+', words):
                if name not in there:
                    yield f'{path}: there is no equation {name} in docs/theory.md'
        if not within:
            for name in re.findall(r'theory\.md\)?,? \(?(?:section|sections) (\d+)', cites):
                if name not in sections:
                    yield f'{path}: there is no section {name} in docs/theory.md'
            for name in re.findall(r'theory\.md\)?,? (?:[Ee]quations?|\beqs?\.) (\d+[a-z]?)(?![.\d])', cites):
                yield f'{path}: equation {name} of docs/theory.md has no section'


def changes(root, name):
    """(number of its line, file, old text, new text, line before or '') for every block of a list of changes; reasons that follow are left out."""
    path = root / 'tests/mutations' / name
    block, number = [], 0
    for line in (path.read_text(encoding='utf-8') if path.exists() else '').splitlines() + ['']:
        number += 1
        if line.startswith('#'):
            continue
        if line.strip():
            block.append(line)
        elif block:
            before = block.pop(1) if len(block) > 1 and block[1].startswith('  ') else ''
            whole = len(block) >= 3 and block[1].startswith('- ') and block[2].startswith('+ ')
            yield (number - len(block), block[0].strip(), *((block[1][2:], block[2][2:]) if whole else ('', '')), before.strip())
            block = []


def mutations(root):
    """Changes whose place the source no longer has (a list that nobody looks at rots), or that change nothing."""
    asked = set()
    for name in 'chosen.txt', 'harmless.txt':
        n = 0
        for line, file, old, new, before in changes(root, name):
            n += 1
            place = f'tests/mutations/{name}:{line}: {file}'
            text = (root / file).read_text(encoding='utf-8') if old and (root / file).is_file() else ''
            times = len(re.findall((re.escape(before) + r'\n\s*' if before else '') + re.escape(old), text)) if old else 0
            if times == 0 or name == 'chosen.txt' and times != 1:
                yield f'{place}: "{old}" is there {times} times'
            if old == new or (file, old, new, before) in asked:
                yield f'{place}: changes nothing, or stands twice'
            asked.add((file, old, new, before))
        if name == 'chosen.txt' and n < 40:
            yield f'tests/mutations/{name}: only {n} changes'


def main(root, libraries):
    root = Path(root).resolve()
    found = [*spdx(root), *upward(root), *cycles(root), *public_headers(root), *theory(root), *mutations(root)]
    for library in libraries:
        found += exported(root, library)
        found += rings(library)
    print(*found, sep='\n' if found else '')
    sys.stdout.flush()
    subprocess.run([sys.executable, root / 'scripts' / 'sizes', root], check=True)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
