#!/bin/sh
# Called by libxl with $vif, the interface that the kernel made, and $XENBUS_PATH, its part of the store.
# Brings it into the network namespace that this runs in, gives it its name and its bridge, and says so.
[ "$1" = online ] || exit 0
interface=${vif:?}
fail() {
    xenstore-write "$XENBUS_PATH/hotplug-error" "$1" "$XENBUS_PATH/hotplug-status" error
    exit 1
}
own=$(readlink /proc/self/ns/net)
if [ "$own" != "$(readlink /proc/1/ns/net)" ]; then
    nsenter --net=/proc/1/ns/net ip link set dev "$interface" netns $$ || fail "cannot bring $interface here"
fi
name=$(xenstore-read "$XENBUS_PATH/vifname") || name=$interface
bridge=$(xenstore-read "$XENBUS_PATH/bridge" 2>/dev/null) || bridge=
ip link set dev "$interface" down
if [ "$name" != "$interface" ]; then
    ip link set dev "$interface" name "$name" || fail "cannot name $interface $name"
fi
if [ -n "$bridge" ]; then
    ip link set dev "$name" master "$bridge" || fail "there is no bridge $bridge"
fi
ip link set dev "$name" up || fail "cannot bring $name up"
xenstore-write "$XENBUS_PATH/hotplug-status" connected
