#!/bin/sh
# tests/smtpd/room.sh PEERS TOP COMMAND... - runs a command as root in a room of its own:
# other mounts and processes, accounts for Postfix and Exim, /usr with the packages that
# were unpacked in PEERS; the network is this machine's. TOP is an empty folder, which
# stands in the room as /work. All that was started ends with the command.
[ -n "$IN_ROOM" ] || exec env IN_ROOM=1 timeout -k 1 120 unshare --mount --pid --fork --kill-child "$0" "$@"
set -e
peers=$1 top=$2
shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=755 room /mnt
cd /mnt
mkdir usr proc dev etc var var/spool var/lib var/log var/lib/postfix run tmp root work
chmod 1777 tmp
mount -t overlay -o ro,lowerdir="$peers/usr":/usr usr usr
for name in bin sbin lib lib64; do ln -s usr/$name $name; done
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$top" work
cp /etc/ld.so.cache etc/
printf 'root:x:0:0::/root:/bin/sh\n%s:x:301:301::/:/bin/false\nDebian-exim:x:303:303::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' postfix >etc/passwd
printf 'root:x:0:\npostfix:x:301:\npostdrop:x:302:\nDebian-exim:x:303:\nmail:x:8:\nnogroup:x:65534:\n' >etc/group
printf 'passwd: files\ngroup: files\nhosts: files\n' >etc/nsswitch.conf
printf '127.0.0.1 localhost client.test\n' >etc/hosts
printf 'smtp 25/tcp\n' >etc/services
exec chroot . "$@"
