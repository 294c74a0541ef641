#!/bin/busybox sh
# shellcheck shell=dash
#
# A node's first program: loads modules, puts the root together from its disks and hands over to the
# root's own init. The kernel's command line says how:
#
#   vclust.lower=BASE,LAYER...  serial numbers of the disks with the root's layers, the lowest first
#   vclust.upper=SERIAL         the disk that takes what is written, with ext4; by default memory does
#
# A node that cannot start says why on its console and switches itself off.
set -u

b() { /bin/busybox "$@"; }

after() {
    read -r up _ </proc/uptime
    echo "vclust: $1 after $up s"
}

fail() {
    echo "vclust: cannot start this node: $*"
    b poweroff -f
}

# The block device with serial number $1, in `device`. A disk may take a moment to appear.
find_disk() {
    tries=0
    while [ $tries -lt 250 ]; do
        for file in /sys/block/*/serial; do
            [ -e "$file" ] || continue
            # the file does not end in a newline
            serial=
            read -r serial <"$file"
            if [ "$serial" = "$1" ]; then
                device=/dev/$(b basename "${file%/serial}")
                return
            fi
        done
        b usleep 20000
        tries=$((tries + 1))
    done
    fail "no disk has the serial number $1"
}

b mount -t proc proc /proc
b mount -t sysfs sysfs /sys
b mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1

while read -r module; do
    # what does not fit the machine, such as a driver without its device, is not needed
    b insmod "/modules/$module.ko" || echo "vclust: $module is not loaded"
done </modules/order
after "modules loaded"

lower=
upper=
for word in $(b cat /proc/cmdline); do
    case $word in
        vclust.lower=*) lower=${word#vclust.lower=} ;;
        vclust.upper=*) upper=${word#vclust.upper=} ;;
    esac
done
[ -n "$lower" ] || fail "the kernel's command line has no vclust.lower"

# overlayfs wants the highest layer first
layers=
number=0
for serial in $(echo "$lower" | b tr , ' '); do
    find_disk "$serial"
    b mkdir -p "/lower/$number"
    b mount -t erofs -o ro "$device" "/lower/$number" || fail "$serial ($device) holds no erofs"
    layers=/lower/$number${layers:+:$layers}
    number=$((number + 1))
done
if [ -n "$upper" ]; then
    find_disk "$upper"
    b mount -t ext4 "$device" /upper || fail "$upper ($device) holds no ext4"
else
    b mount -t tmpfs -o mode=755 tmpfs /upper || fail "there is no memory for what is written"
fi
b mkdir -p /upper/upper /upper/work
b mount -t overlay -o "lowerdir=$layers,upperdir=/upper/upper,workdir=/upper/work" overlay /root ||
    fail "the layers cannot be put together"
[ -e /root/sbin/init ] || [ -L /root/sbin/init ] || fail "the root has no /sbin/init"
after "root mounted"

b mount --move /dev /root/dev
b umount /sys
b umount /proc
exec /bin/busybox switch_root /root /sbin/init
