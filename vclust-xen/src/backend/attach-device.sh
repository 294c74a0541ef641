#!/bin/sh
# Called by libxl to attach and detach the host's ends of a guest's devices: with `online` and $vif for an
# interface that the kernel made, with `add` and `remove` for a disk. $XENBUS_PATH is the device's part of
# the store. Every program that starts here is waited for by whoever starts the guest, so there are few.
: "${XENBUS_PATH:?}" "${vif:=}"
newline='
'
fail() {
    xenstore-write "$XENBUS_PATH/hotplug-error" "$1" "$XENBUS_PATH/hotplug-status" error
    exit 1
}
# Brings an interface into the network namespace that this runs in, gives it its name and its bridge.
attach_interface() {
    # shellcheck disable=SC3013 # dash and bash have it, and anything else starts programs
    if ! [ /proc/self/ns/net -ef /proc/1/ns/net ]; then
        nsenter --net=/proc/1/ns/net ip link set dev "$vif" netns $$ || fail "cannot bring $vif here"
    fi
    if values=$(xenstore-read "$XENBUS_PATH/vifname" "$XENBUS_PATH/bridge" 2>/dev/null); then
        name=${values%%"$newline"*}
        bridge=${values#*"$newline"}
        ip link set dev "$vif" name "$name" master "$bridge" up || fail "cannot connect $name to $bridge"
    else
        name=$(xenstore-read "$XENBUS_PATH/vifname" 2>/dev/null) || name=$vif
        ip link set dev "$vif" name "$name" up || fail "cannot bring $name up"
    fi
    xenstore-write "$XENBUS_PATH/hotplug-status" connected
}
# Finds the device with a disk's bytes, one that the kernel makes of a file if it is a file.
attach_disk() {
    values=$(xenstore-read "$XENBUS_PATH/params" "$XENBUS_PATH/mode") || fail "what disk?"
    path=${values%"$newline"*}
    device=$path
    if ! [ -b "$path" ]; then
        [ -e "$path" ] || fail "there is no $path"
        access=
        [ "${values##*"$newline"}" = w ] || access=--read-only
        device=$(losetup --find --show $access "$path" 2>&1) || fail "$device"
    fi
    number=$(stat --dereference --format=%t:%T "$device") || fail "cannot look at $device"
    xenstore-write "$XENBUS_PATH/node" "$device" "$XENBUS_PATH/physical-device" "$number" \
        "$XENBUS_PATH/hotplug-status" connected
}
detach_disk() {
    values=$(xenstore-read "$XENBUS_PATH/params" "$XENBUS_PATH/node" 2>/dev/null) || return 0
    device=${values##*"$newline"}
    [ "$device" = "${values%"$newline"*}" ] || losetup --detach "$device"
}
case $1 in
    online) attach_interface ;;
    add) attach_disk ;;
    remove) detach_disk ;;
esac
