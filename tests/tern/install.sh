#!/bin/sh
# make install, install-sendmail and uninstall: below DESTDIR; and as root, in a
# private view of the file system, for real: with system users, a user for each
# task, setuid programs, and mail through them.

cd "$(dirname "$0")/../.." || exit 1
build=${TERN_MAKE:-${TERN_BUILD:-$PWD/build}}
count=0
failed=0

ok() { # ok NAME COMMAND... - what the one before has said is in $top/said
	name=$1
	shift
	[ ! -e "$top/out" ] || mv "$top/out" "$top/said"
	count=$((count + 1))
	if "$@" >"$top/out" 2>&1; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/# /' "$top/out"
		failed=1
	fi
}

not() {
	! "$@"
}

# wait_for COMMAND... - at most 30 seconds
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || return 1
		sleep 0.05
	done
}

is() { # is PATH OWNER:GROUP MODE
	stat -c '%n %U:%G %a' "$1"
	[ "$(stat -c '%U:%G %a' "$1")" = "$2 $3" ]
}

runs_as() { # runs_as USER PROGRAM
	ps -u "$1" -o comm= | grep -x "$2"
}

files() {
	find "$1" ! -type d | sort
}

install_make() {
	make -s B="$build" PREFIX="$prefix" DESTDIR="$destdir" "$@"
}

below_destdir() {
	destdir=$top/dest
	prefix=/usr/local
	ok "make install below DESTDIR" install_make install
	home=$destdir$(head -n 1 conf-home)
	for program in tern tern-queue tern-send tern-smtpd sendmail mailq newaliases; do
		ok "installs $program" test -x "$home/bin/$program"
	done
	ok "and the manual" test -f "$destdir/usr/local/share/man/man8/tern.8"
	ok "make install-sendmail" install_make install-sendmail
	ok "makes sendmail ours" test -L "$destdir/usr/sbin/sendmail"
	ok "again it changes nothing" install_make install-sendmail
	rm "$destdir/usr/bin/mailq"
	echo other >"$destdir/usr/bin/mailq"
	ok "it refuses to touch what is another program's" not install_make install-sendmail
	mkdir -p "$home/control"
	echo me >"$home/control/me"
	ok "make uninstall" install_make uninstall
	files "$destdir" >"$top/left"
	printf '%s\n' "$destdir/usr/bin/mailq" "$home/control/me" | sort >"$top/want"
	ok "leaves only what it did not install" cmp "$top/left" "$top/want"
}

queued() { # queued STATE - one message is, and has that state
	"$tern" queue ls --state "$1" | grep -q '^1 message,'
}

# With a user for each task; all is down before and after.
tools_of_the_queue() {
	echo ':127.0.0.1:1' >"$home/control/smtproutes"
	printf "$letter" | s6-setuidgid 61000:61000 "$home/bin/sendmail" x@example.net
	ok "root sees what is queued" queued waiting
	ok "and holds it" "$tern" queue hold --all
	hist=$(find "$home/queue/hist" -type f)
	ok "in a history of terns" is "$hist" terns:tern 640
	ok "tern up" "$tern" up
	ok "the socket is for terns and the group" is "$home/run/send/socket" terns:tern 660
	ok "it is still held" queued held
	ok "ternd may not look" not s6-setuidgid ternd "$tern" queue ls
	member="s6-applyuidgid -u 61002 -g $(getent group tern | cut -d: -f3)"
	ok "a member of the group may look" $member "$tern" queue ls
	ok "and give orders while tern-send runs" $member "$tern" queue release --all
	ok "which says who it was" wait_for grep -q 'release by uid 61002' "$home/log/send/current"
	ok "it is tried" wait_for queued deferred
	ok "root's order says so" "$tern" queue hold --all
	ok "too" wait_for grep -q 'hold by uid 0' "$home/log/send/current"
	ok "check finds all owners and modes right" "$tern" queue check
	ok "tern why reads the logs" sh -c "'$tern' why x@example.net | grep -q 'hold by uid 0'"
	ok "tern metrics reads the counts" sh -c "'$tern' metrics | grep -q '^tern_queue_messages{state=\"hold\"} 1'"
	ok "and those of tern-smtpd" sh -c "'$tern' metrics | grep -q '^tern_smtpd_connections_total'"
	ok "the file belongs to ternd" is "$home/run/smtpd/counters" ternd:ternd 640
	ok "tern down" "$tern" down
	ok "the member may not change a stopped queue" not $member "$tern" queue release --all
	entry=$(find "$home/queue/mess" -type f)
	chown root:root "$entry"
	chmod 600 "$entry"
	ok "check finds a wrong owner" not "$tern" queue check
	ok "repair mends it" "$tern" queue repair
	ok "as it should be" is "$entry" ternq:tern 640
	ok "check finds nothing" "$tern" queue check
	ok "root removes what is in a stopped queue" "$tern" queue rm --all
	ok "so that no file is left" test -z "$(find "$home/queue/mess" "$home/queue/hist" -type f)"
}

# Nobody outside sees what happens from here on: /var and /etc are our own.
for_real() {
	mount -t tmpfs none /var && mkdir -p /var/tmp /var/lib "$top/etc" &&
		cp -a /etc/. "$top/etc" && mount --bind "$top/etc" /etc || exit 1
	sed -i '/^tern/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow
	destdir=
	prefix=$top/usr
	home=$(head -n 1 conf-home)
	tern=$prefix/sbin/tern
	ok "make install as root" install_make install
	ok "says which users are missing" grep -q 'missing.* ternq' "$top/said"
	ok "tern init" "$tern" init
	ok "which says what users it creates" grep -q 'creating.* ternq' "$top/said"
	for user in ternd ternq terns ternr ternb ternp ternl terna; do
		ok "user $user is there" id $user
	done
	ok "the queue's programs: setuid" is "$home/bin/tern-queue" ternq:tern 6711
	ok "setgid" is "$home/bin/tern-qread" root:tern 2755
	ok "messages belong to ternq" is "$home/queue/mess/7" ternq:tern 2750
	ok "histories to terns" is "$home/queue/hist/63" terns:tern 2770
	ok "the trigger" is "$home/queue/lock/trigger" terns:tern 620
	ok "settings to root" is "$home/control" root:root 755
	ok "logs to ternl" is "$home/log/send" ternl:ternl 750
	ok "the alias user has its folder" is "$home/alias" terna:terna 755
	ok "SMTP on all addresses" grep -qx '\[::\]:25' "$home/control/smtplisten"
	find "$home" -printf '%p %U %G %m\n' | sort >"$top/before"
	ok "make install again" install_make install
	ok "tern init again" "$tern" init
	find "$home" -printf '%p %U %G %m\n' | sort >"$top/after"
	ok "leave owners and modes as they were" cmp "$top/before" "$top/after"

	echo 127.61.0.1:2525 >"$home/control/smtplisten" # which is nobody else's
	echo tern.test >"$home/control/me"
	echo tern.test >"$home/control/locals"
	ok "tern up" "$tern" up
	for pair in ternq:tern-queue ternd:tern-smtpd terns:tern-send ternq:tern-clean ternr:tern-rspawn \
		ternb:tern-bounce root:tern-lspawn root:tern-start ternl:s6-log; do
		ok "${pair#*:} runs as ${pair%:*}" wait_for runs_as "${pair%:*}" "${pair#*:}"
	done
	letter='Subject: hello\n\nhello\n'
	printf "$letter" >"$top/letter"
	ok "a user without an account sends mail by sendmail, the service being up" \
		sh -c "s6-setuidgid 61000:61000 $home/bin/sendmail postmaster@tern.test <$top/letter"
	ok "which arrives at the alias user's Maildir" wait_for sh -c "ls $home/alias/Maildir/new | grep -q ."
	maildir=$(ls -d "$home"/alias/Maildir/new/*)
	ok "as that user's file" is "$maildir" terna:terna 600
	ok "status as root" "$tern" status
	ok "s6-svc -d queue" s6-svc -wD -d -T 30000 "$home/service/queue"
	ok "with the service down, sendmail uses the setuid program" \
		sh -c "s6-setuidgid 61000:61000 $home/bin/sendmail root@tern.test <$top/letter"
	ok "and that arrives too" wait_for sh -c "[ \$(ls $home/alias/Maildir/new | wc -l) = 2 ]"
	echo 'tern.test:alias-later' >"$home/control/virtualdomains"
	ok "tern down" "$tern" down
	ok "nothing is left" wait_for not pgrep tern-
	printf "$letter" | s6-setuidgid 61000:61000 "$home/bin/sendmail" root@tern.test
	ok "all down, sendmail still takes mail" test -n "$(find "$home/queue/mess" -type f)"
	entry=$(find "$home/queue/mess" -type f)
	ok "as a file of ternq that terns may read" is "$entry" ternq:tern 640
	ok "any user may not read the queue" not s6-setuidgid 61000:61000 cat "$entry"
	ok "tern up" "$tern" up
	ok "it is delivered at the start" wait_for sh -c "[ \$(ls $home/alias/Maildir/new | wc -l) = 3 ]"
	ok "tern down" "$tern" down
	tools_of_the_queue
	ok "make uninstall" install_make uninstall
	ok "leaves queue and settings" test -s "$home/control/me" -a -d "$home/queue/mess/63"
	ok "and no program" not test -e "$home/bin"
	files "$prefix" >"$top/left"
	ok "nor any page" not test -s "$top/left"
}

if [ "$1" = --for-real ]; then
	top=$2
	count=$3
	for_real
	echo "$count $failed" >"$top/result"
	exit 0
fi

top=$(mktemp -d)
chmod 755 "$top"
below_destdir
if [ "$(id -u)" = 0 ] && unshare -m -p -f --mount-proc mount -t tmpfs none /var 2>/dev/null; then
	unshare -m -p -f --mount-proc sh "$0" --for-real "$top" $count
	read -r count more <"$top/result"
	[ "$more" = 0 ] || failed=1
else
	count=$((count + 1))
	echo "ok $count - an installation for a machine # SKIP needs root and a mount namespace"
fi
echo "1..$count"
rm -rf "$top"
exit $failed
