#!/bin/sh
# usage: cjson.sh FOLDER.  Puts cJSON.c and cJSON.h of the distribution's source package there.
#
# A fuzzer is blind in a library that is not instrumented.  Package lists of our own, in
# FOLDER, because sources are seldom enabled in the system's; so it needs no root either.
set -eu
mkdir -p "$1/sources" "$1/lists/partial" "$1/cache/archives/partial"
cd "$1"

for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -e "$list" ]; then
        sed -n 's/^deb\(-src\)\{0,1\} /deb-src /p' "$list" | sort -u >"sources/$(basename "$list")"
    fi
done
for list in /etc/apt/sources.list.d/*.sources; do
    if [ -e "$list" ]; then
        sed 's/^Types:.*/Types: deb-src/' "$list" >"sources/$(basename "$list")"
    fi
done

apt() {
    apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$PWD/sources" \
        -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
apt source --download-only cjson
tar -xf cjson_*.orig.tar.* --strip-components=1 --wildcards '*/cJSON.[ch]'
rm -rf sources lists cache
