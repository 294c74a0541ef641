#!/bin/sh
# A tool stack that pretends: domains are files beside this script, and a test says what goes wrong by
# a file `on-COMMAND`, which is run before the command and may end it.
# shellcheck disable=SC1090,SC2154 # tests write what is read here, and with it the variables
here=$(dirname "$0")
echo "$*" >>"$here/calls"
[ -d "$here/domains" ] || mkdir "$here/domains"

field() { sed -n "s/^$1 = \"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$2"; }
say() { echo "$*" >&2; }
# Takes the next number that nobody has had.
take_number() {
    id=1
    while ! mkdir "$here/taken-$id" 2>/dev/null; do id=$((id + 1)); done
}
# Makes a domain of a configuration.
make() {
    name=$(field name "$1")
    for other in "$here"/domains/*; do
        if [ -f "$other" ] && grep -qx "name='$name'" "$other"; then
            say "Parsing config from $1"
            say "libxl: error: libxl_domain.c:81:libxl__domain_rename: Domain 9:Domain with name \"$name\" already exists."
            say "libxl: error: libxl_domain.c:1183:libxl__destroy_domid: Domain 9:Non-existant domain"
            exit 3
        fi
    done
    take_number
    cat >"$here/domains/$id" <<DOMAIN
name='$name'
uuid=$(field uuid "$1")
memory=$(field memory "$1")
processors=$(field vcpus "$1")
flags=-b----
reason=-
holds=${holds:-0}
DOMAIN
}
domain() {
    if [ ! -f "$here/domains/$1" ]; then
        say "$1 is an invalid domain identifier (rc=-6)"
        exit 1
    fi
    . "$here/domains/$1"
}
change() { sed "s/^$2=.*/$2=$3/" "$here/domains/$1" >"$here/changing-$1-$$" && mv "$here/changing-$1-$$" "$here/domains/$1"; }

if [ -f "$here/on-$1" ]; then . "$here/on-$1"; fi

case $1 in
    list)
        printf '%-40s ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label\n' Name
        echo 'Domain-0 0 512 2 r----- 9.1 00000000-0000-0000-0000-000000000000 - -'
        for file in "$here"/domains/*; do
            # it may go while the list is made
            content=$(cat "$file" 2>/dev/null) || continue
            eval "$content"
            [ "$holds" -gt 0 ] && flags=--p---
            printf '%-40s %5s %5s %5s     %s  %8s %s        %s                -\n' \
                "$name" "${file##*/}" "$memory" "$processors" "$flags" 0.1 "$uuid" "$reason"
        done
        ;;
    info) cat "$here/info" ;;
    create) make "$2" ;;
    restore) [ -s "$3" ] && make "$2" ;;
    save) domain "$2" && echo saved >"$3" && rm "$here/domains/$2" ;;
    pause) domain "$2" && change "$2" holds $((holds + 1)) ;;
    unpause)
        domain "$2"
        [ "$holds" -eq 0 ] || change "$2" holds $((holds - 1))
        ;;
    mem-set) domain "$2" && change "$2" memory "$3" ;;
    shutdown | destroy) domain "$2" && rm "$here/domains/$2" ;;
    reboot)
        domain "$2"
        take_number
        mv "$here/domains/$2" "$here/domains/$id"
        ;;
    *)
        say "command not implemented"
        exit 1
        ;;
esac
