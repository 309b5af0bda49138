#!/bin/sh
# Every command that README shows is run as it stands there: as an ordinary user,
# and those for root in a private view of the file system.

cd "$(dirname "$0")/../.." || exit 1
TERN_BUILD=${TERN_BUILD:-$PWD/build}
build=${TERN_MAKE:-$TERN_BUILD}
source=$PWD
count=0

# The commands of a section, one a line.
commands() {
	awk -v section="$1" '
		/^---/ { on = before == section }
		on && /^    / { print substr($0, 5) }
		{ before = $0 }' README | grep -v '^ExecSt\|^KillMode'
}

# What stands for the reader: builds elsewhere, does not watch for ever.
prelude() {
	cat <<END
make() { command make -s -C "$source" B="$build" PREFIX="$top/usr" MANDIR="$top/man" "\$@"; }
tail() { command tail -n 5 "\$2"; }
man() { command man -M "$top/man" "\$@"; }
END
}

# script FILE - a script in which each line of the file is a test
script() {
	prelude
	while IFS= read -r line; do
		count=$((count + 1))
		name="$count - $(printf '%s' "$line" | sed "s/'/'\\\\''/g")"
		cat <<END
{ $line ; } </dev/null >"$top/work/out" 2>&1 && echo 'ok $name' ||
{ echo 'not ok $name'; sed 's/^/# /' "$top/work/out"; touch "$top/work/failed"; }
END
		# Not port 25 of this machine.
		[ "$line" != "tern init" ] || echo "echo 127.0.0.1:$port >/var/tern/control/smtplisten"
	done <"$1"
}

top=$(mktemp -d)
chmod 755 "$top"
mkdir "$top/work" "$top/work/home" "$top/work/build"
cp -a "$TERN_BUILD/bin" "$top/work/build/"
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as=
if [ "$(id -u)" = 0 ]; then
	as='s6-setuidgid 61000:61000'
	chown -R 61000:61000 "$top/work"
fi

commands "Use it as yourself" | grep -v '^make$' >"$top/user"
script "$top/user" >"$top/user.sh"
(cd "$top/work" && HOME=$top/work/home && export HOME && $as sh "$top/user.sh")

for section in "Install it" "Route it" "Operate it"; do
	commands "$section"
done >"$top/root"
if [ "$(id -u)" = 0 ] && unshare -m -p -f --mount-proc mount -t tmpfs none /var 2>/dev/null; then
	script "$top/root" >"$top/root.sh"
	cp -a /etc "$top/etc"
	sed -i '/^tern/d' "$top/etc/passwd" "$top/etc/shadow" "$top/etc/group" "$top/etc/gshadow"
	cat >"$top/private.sh" <<END
mount -t tmpfs none /var && mkdir /var/lib /var/tmp && mount --bind "$top/etc" /etc || exit 1
PATH=$top/usr/sbin:\$PATH
export PATH
sh "$top/root.sh"
tern down >/dev/null
END
	unshare -m -p -f --mount-proc sh "$top/private.sh"
else
	count=$((count + 1))
	echo "ok $count - the commands for root # SKIP needs root and a mount namespace"
fi
echo "1..$count"
failed=0
[ ! -e "$top/work/failed" ] || failed=1
rm -rf "$top"
exit $failed
