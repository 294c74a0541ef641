#!/bin/sh
# A program that reads the store, which is a directory beside it.
here=$(dirname "$0")
# shellcheck disable=SC1091 # a test writes it
if [ -f "$here/on-read" ]; then . "$here/on-read"; fi
if [ -f "$here/store$1" ]; then
    cat "$here/store$1"
else
    echo "xenstore-read: couldn't read path $1" >&2
    exit 1
fi
