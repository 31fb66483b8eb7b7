#!/bin/sh
# usage: run.sh PROGRAM SECONDS.  Lets one fuzzer run; fails when it finds something, and when it
# reaches fewer edges of the code than its source says: then it has gone blind.
#
# What it learns is kept beside the programs for the next run, and what it finds, too:
# `PROGRAM FILE` plays that once more.
set -eu
program=$1 seconds=$2
name=$(basename "$program")
here=$(dirname "$0")
learned=$(dirname "$program")/learned/$name
found=$(dirname "$program")/found
log=$learned.log
seeds=$here/corpus/${name#fuzz_}
[ -d "$seeds" ] || seeds=$learned
mkdir -p "$learned" "$found"

# The sanitizers of older compilers trip over much address randomisation.
still=
if setarch -R true 2>/dev/null; then still="setarch -R"; fi

number() { grep -o "$1: *[0-9]*" "$log" | tail -n 1 | grep -o '[0-9]*$'; }

if ! $still "$program" -max_total_time="$seconds" -max_len=4096 -timeout=60 -print_final_stats=1 \
    -dict="$here/words.dict" -artifact_prefix="$found/$name-" "$learned" "$seeds" >"$log" 2>&1; then
    tail -n 80 "$log"
    echo "$name: FAILED"
    exit 1
fi

edges=$(number cov)
least=$(sed -n 's/.*Reaches at least \([0-9]*\) edges.*/\1/p' "$here/$name.c")
echo "$name: $edges edges, at least ${least:?is not told in $name.c}; $(number stat::number_of_executed_units) runs"
if [ "$edges" -lt "$least" ]; then
    echo "$name: FAILED, it does not reach what it did"
    exit 1
fi
