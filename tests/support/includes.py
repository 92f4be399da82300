#!/usr/bin/env python3
"""Checks which C file includes which: no cycle between files or folders, and no include of a higher layer.

    tests/support/includes.py [--root DIR] [--build DIR]

A module is a .c file, its .h file, or the two of one name; a folder is what lies in it directly. The arrows are the
`#include "…"` lines; with --build, the compiler's own record of what it read (ninja -t deps) has to say the same, so
that no include hides from the check. Prints what is wrong, a circle as the arrows that close it, and ends with 1.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
ROLES = ("gateway", "issuer", "persister")
# What a top folder may include beside itself. The tests and load-test/ may include everything; nothing may include
# them.
BELOW = {"shared": (), **{role: ("shared",) for role in ROLES}, "coupond": (*ROLES, "shared")}


# --- reading ---


def c_files(root):
    """Paths of the C files below `root`, relative to it; in a git repository those that git tracks or would add."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h"],
                                cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    else:
        listed = [str(path.relative_to(root)) for suffix in ("c", "h") for path in root.rglob(f"*.{suffix}")]
    return sorted({path for path in listed if (root / path).is_file()})


def included(root, path, known):
    """The project's files that `path` names in its #include lines."""
    for name in INCLUDE.findall((root / path).read_text(encoding="utf-8")):
        beside = os.path.normpath(Path(path).parent / name)
        if name in known or beside in known:
            yield name if name in known else beside


def read_includes(root):
    """{file: the files that it includes}"""
    files = c_files(root)
    known = set(files)
    return {path: sorted(set(included(root, path, known))) for path in files}


# --- graphs ---


def project(includes, node_of):
    """The same arrows between nodes, where node_of() maps a file to its node; {node: set of nodes}."""
    graph = {node_of(path): set() for path in includes}
    for path, targets in includes.items():
        graph[node_of(path)] |= {node_of(target) for target in targets} - {node_of(path)}
    return graph


def module_of(path):
    return str(Path(path).with_suffix(""))


def folder_of(path):
    return str(Path(path).parent)


def reach(graph, start):
    reached, queue = {start}, [start]
    for node in queue:
        for target in sorted(graph.get(node, ())):
            if target not in reached:
                reached.add(target)
                queue.append(target)
    return reached


def shortest_circle(graph, members):
    """A shortest path inside `members` from a node back to itself."""
    best = None
    for start in sorted(members):
        before, queue = {}, [start]
        for node in queue:
            for target in sorted(graph[node] & members):
                if target not in before:
                    before[target] = node
                    queue.append(target)
        nodes, node = [start], before[start]
        while node != start:
            nodes.append(node)
            node = before[node]
        best = nodes if best is None or len(nodes) < len(best) else best
    return [best[0], *best[1:][::-1], best[0]]


def knots(graph):
    """The strongly connected components of more than one node."""
    reached = {node: reach(graph, node) for node in graph}
    return {frozenset(other for other in reached[node] if node in reached[other])
            for node in graph if any(node in reached[other] for other in graph[node])}


# --- checks ---


def check_circles(includes):
    for kind, node_of in (("files", module_of), ("folders", folder_of)):
        graph = project(includes, node_of)
        for knot in sorted(knots(graph), key=sorted):
            yield f"circle of {kind}: {' -> '.join(shortest_circle(graph, knot))} ({len(knot)} {kind} in all)"


def check_layers(includes):
    for path, targets in includes.items():
        top = Path(path).parts[0]
        for target in targets:
            other = Path(target).parts[0]
            if top in BELOW and other != top and other not in BELOW[top]:
                yield f"{path} includes {target}: {top}/ is not above {other}/"


def compiled(root, build):
    """(source, the project's files that the compiler read for it), for each object of the build."""
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    for block in text.split("\n\n"):
        lines = [line.strip() for line in block.splitlines()[1:]]
        ours = [Path(build, line).resolve() for line in lines]
        ours = [str(path.relative_to(root))
                for path in ours if path.is_relative_to(root) and Path(build).resolve() not in path.parents]
        if ours and ours[0].endswith(".c"):
            yield ours[0], set(ours[1:])


def check_compiler(root, build, includes):
    seen = set()
    for source, read in compiled(root, build):
        seen.add(source)
        told = reach(includes, source)
        for path in sorted(read - told):
            yield f"{source}: the compiler reads {path}, which no #include line of ours leads to"
    if not seen:
        yield f"{build} has no record of the compiler's: build it first"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--build", help="a build folder, whose record of the compiler's is compared")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    includes = read_includes(root)
    wrong = [*check_layers(includes), *check_circles(includes)]
    if arguments.build:
        wrong += check_compiler(root, arguments.build, includes)
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
