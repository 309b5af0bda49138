#!/bin/sh
# ./demo: shows what it promises in at most 40 lines and leaves nothing behind;
# with --keep it goes on running until its own words stop it.

cd "$(dirname "$0")/../.." || exit 1
count=0
failed=0
ok() { # ok NAME COMMAND...
	name=$1
	shift
	count=$((count + 1))
	if "$@" >/dev/null 2>&1; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$out"
		failed=1
	fi
}

demos() {
	ls -d "$tmp"/tern-demo.* 2>/dev/null
}

tmp=$(mktemp -d)
chmod 777 "$tmp"
out=$tmp/out
TMPDIR=$tmp ./demo >"$out" 2>&1
code=$?
ok "demo exits 0" test $code = 0
ok "prints at most 40 lines" test "$(wc -l <"$out")" -le 40
for words in 'end msg' 'Received: ' 'alias/box/new/' 'kim@later.test' 'next try' 'Status: 5.1.1' 'byte for byte'; do
	ok "shows $words" grep -q "$words" "$out"
done
ok "leaves no folder" test -z "$(demos)"

TMPDIR=$tmp ./demo --keep >"$out" 2>&1
code=$?
ok "demo --keep exits 0" test $code = 0
home=$(demos)/home
ok "it goes on running" build/bin/tern status "$home"
command=$(sed -n 's/^Stop it: //p' "$out")
ok "the command it names stops it" sh -c "$command"
ok "and leaves nothing" test -z "$(demos)"
ok "an unknown option: exit 100" sh -c './demo --nonsense; [ $? = 100 ]'
echo "1..$count"
rm -rf "$tmp"
exit $failed
