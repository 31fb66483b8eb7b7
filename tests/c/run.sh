#!/bin/sh
# Runs C test programs, each under $UNDER (valgrind …) if set; closes with 'N passed, N failed'.
passed=0 failed=0 last=$(mktemp)
trap 'rm -f "$last"' EXIT

# The sanitizers of older compilers trip over much address randomisation.
still=
if setarch -R true 2>/dev/null; then still="setarch -R"; fi

for program; do
    timeout 300 $still ${UNDER-} "$program" >"$last" 2>&1
    code=$?
    closing=$(grep -xE '[0-9]+ passed, [0-9]+ failed' "$last" | tail -n 1)
    if [ -z "$closing" ]; then                   # it died: nobody knows how many passed
        closing="0 passed, 1 failed"
    fi
    good=${closing%% *} bad=${closing#*, } bad=${bad%% *}
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1                                    # every test passed, yet a checker found something
    fi
    if [ "$bad" -ne 0 ]; then
        cat "$last"
        echo "$program: exit code $code"
    fi
    echo "${program##*/}: $good passed, $bad failed"
    passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
