#!/bin/sh
# collect WANTED COLLECTED: of each folder in WANTED the Debian packages in its file "packages", with all that they need
# on this Debian, and the wheels of its requirements.lock. COLLECTED gets debs/ with an index for apt, lists/NAME with the
# packages' files of each folder, and wheels/NAME/.
set -eu
[ ! -e /run/site/env ] || . /run/site/env
export DEBIAN_FRONTEND=noninteractive
wanted=$1 collected=$2
mkdir -p "$collected/debs/partial" "$collected/lists" "$collected/wheels"

# fetch NAME OPTION…: apt-get install of a folder's packages, into COLLECTED
fetch() {
    folder=$wanted/$1
    shift
    apt-get --yes --no-install-recommends -o "Dir::Cache::Archives=$collected/debs" "$@" install $(cat "$folder/packages")
}

# An epoch's colon is written %3a in a file's name, which a source of files would take for the colon again.
plain_names() { sed 's/%3a/./g'; }

for folder in "$wanted"/*/; do
    [ -s "$folder/packages" ] || continue
    [ -e "$collected/.updated" ] || apt-get -q update
    touch "$collected/.updated"
    name=$(basename "$folder")
    # Before anything is fetched: what is there already would not be named.
    fetch "$name" -qq --print-uris >/tmp/uris
    cut -d ' ' -f 2 /tmp/uris | plain_names >"$collected/lists/$name"
done
for folder in "$wanted"/*/; do
    [ ! -s "$folder/packages" ] || fetch "$(basename "$folder")" -q --download-only
done
rm -r "$collected/debs/partial" "$collected/debs/lock" 2>/dev/null || :
cd "$collected/debs"
: >Packages
for file in *.deb; do
    [ -e "$file" ] || continue
    plain=$(echo "$file" | plain_names)
    [ "$file" = "$plain" ] || mv "$file" "$plain"
    {
        dpkg-deb --field "$plain"
        echo "Filename: ./$plain"
        echo "Size: $(stat -c %s "$plain")"
        echo "SHA256: $(sha256sum "$plain" | cut -d ' ' -f 1)"
        echo
    } >>Packages
done

for folder in "$wanted"/*/; do
    [ -e "$folder/requirements.lock" ] || continue
    # Only after the packages: what is installed from here on would not be collected.
    command -v python3 >/dev/null || /run/steps/apt-install python3
    PYTHONPATH=/run/site/pip PYTHONDONTWRITEBYTECODE=1 HOME=/tmp python3 -m pip download \
        --no-cache-dir --no-deps --require-hashes --only-binary=:all: --disable-pip-version-check --progress-bar=off \
        --dest "$collected/wheels/$(basename "$folder")" --requirement "$folder/requirements.lock"
done
