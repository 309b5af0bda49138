#!/bin/sh
# tests/packages.sh GROUP... - see that the Debian packages of these groups are
# installed: names what is missing and its size, and installs it as root or by
# sudo, or says the one command and exits 1.
#
# build: to build and to run     demo: for ./demo as well
# test: what the tests compare with and look through
# peer: servers that are only unpacked, never installed, so that none starts on
#       this machine: they are found in build/peers, Exim and OpenSMTPD in folders
#       of their own (libraries of theirs that nothing else here needs are among test)

packages='
build make gcc libc6-dev skalibs-dev s6
demo python3 python3-aiosmtpd
test clang libclang-rt-dev clang-format mandoc strace valgrind curl procps python3-dnspython
test swaks msmtp libpython3.11-testsuite
test nsd unbound dovecot-lmtpd
test libfaketime
test libgnutls-dane0
test libfuse3-dev fuse3 xfsprogs btrfs-progs
peer postfix spamassassin exim4-daemon-light opensmtpd fail2ban prometheus
'

names() {
	for group; do
		echo "$packages" | sed -n "s/^$group //p"
	done
}

missing() {
	for package in $(names "$@"); do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			printf '%s ' "$package"
	done
}

as_root=
[ "$(id -u)" = 0 ] || as_root='sudo'

# Daemons among the packages are not to be started: they are tested against on ports of our own.
install() {
	command="apt-get install -y --no-install-recommends $*"
	if [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; then
		echo "Missing packages: $*" >&2
		echo "Please install them as root, then try again: $command" >&2
		return 1
	fi
	$as_root apt-get -qq update >/dev/null 2>&1
	size=$($as_root apt-get install --no-install-recommends --assume-no "$@" 2>/dev/null |
		sed -n 's/^After this operation, \(.*\) of additional disk space.*/\1/p')
	echo "Installing $* (${size:-size unknown})"
	log=$(mktemp)
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $command >"$log" 2>&1 || {
		cat "$log" >&2
		rm -f "$log"
		return 1
	}
	rm -f "$log"
}

unpack() {
	place=$PWD/build/peers
	case $1 in # these have a sendmail too
	exim4*) place=$place/exim4 ;;
	opensmtpd) place=$place/opensmtpd ;;
	esac
	[ ! -e "build/peers/.$1" ] || return 0
	mkdir -p build/peers/deb || return 1
	(
		cd build/peers/deb || exit 1
		get="apt-get -qq -o APT::Sandbox::User=root download $1"
		$get 2>/dev/null || { $as_root apt-get -qq update && $get; }
	) &&
		dpkg -x build/peers/deb/"$1"_*.deb "$place" &&
		chmod -R a-s "$place" && touch "build/peers/.$1"
}

cd "$(dirname "$0")/.." || exit 1
install_groups=
peers=
for group; do
	case $group in
	peer) peers=$(names peer) ;;
	*) install_groups="$install_groups $group" ;;
	esac
done
wanted=$(missing $install_groups)
if [ -n "$wanted" ]; then
	install $wanted || exit 1
fi
for package in $peers; do
	unpack "$package" || exit 1
done
