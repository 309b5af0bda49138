#define _GNU_SOURCE
#include "lib/confinecalls.h"

#include <stddef.h>

#ifdef __linux__
#include <sys/syscall.h>

/* Calls that not each kind of machine has. */
#ifndef __NR_accept
#define __NR_accept CALL_NONE
#endif
#ifndef __NR_access
#define __NR_access CALL_NONE
#endif
#ifndef __NR_alarm
#define __NR_alarm CALL_NONE
#endif
#ifndef __NR_creat
#define __NR_creat CALL_NONE
#endif
#ifndef __NR_dup2
#define __NR_dup2 CALL_NONE
#endif
#ifndef __NR_epoll_wait
#define __NR_epoll_wait CALL_NONE
#endif
#ifndef __NR_fadvise64
#define __NR_fadvise64 CALL_NONE
#endif
#ifndef __NR_fork
#define __NR_fork CALL_NONE
#endif
#ifndef __NR_fstat
#define __NR_fstat CALL_NONE
#endif
#ifndef __NR_getdents
#define __NR_getdents CALL_NONE
#endif
#ifndef __NR_getpgrp
#define __NR_getpgrp CALL_NONE
#endif
#ifndef __NR_getrlimit
#define __NR_getrlimit CALL_NONE
#endif
#ifndef __NR_ioperm
#define __NR_ioperm CALL_NONE
#endif
#ifndef __NR_iopl
#define __NR_iopl CALL_NONE
#endif
#ifndef __NR_link
#define __NR_link CALL_NONE
#endif
#ifndef __NR_lstat
#define __NR_lstat CALL_NONE
#endif
#ifndef __NR_mkdir
#define __NR_mkdir CALL_NONE
#endif
#ifndef __NR_modify_ldt
#define __NR_modify_ldt CALL_NONE
#endif
#ifndef __NR_newfstatat
#define __NR_newfstatat CALL_NONE
#endif
#ifndef __NR_open
#define __NR_open CALL_NONE
#endif
#ifndef __NR_pause
#define __NR_pause CALL_NONE
#endif
#ifndef __NR_pipe
#define __NR_pipe CALL_NONE
#endif
#ifndef __NR_poll
#define __NR_poll CALL_NONE
#endif
#ifndef __NR_readlink
#define __NR_readlink CALL_NONE
#endif
#ifndef __NR_rename
#define __NR_rename CALL_NONE
#endif
#ifndef __NR_renameat
#define __NR_renameat CALL_NONE
#endif
#ifndef __NR_rmdir
#define __NR_rmdir CALL_NONE
#endif
#ifndef __NR_select
#define __NR_select CALL_NONE
#endif
#ifndef __NR_stat
#define __NR_stat CALL_NONE
#endif
#ifndef __NR_time
#define __NR_time CALL_NONE
#endif
#ifndef __NR_unlink
#define __NR_unlink CALL_NONE
#endif
#ifndef __NR_utimensat
#define __NR_utimensat CALL_NONE
#endif
#ifndef __NR_vfork
#define __NR_vfork CALL_NONE
#endif

/* Calls that are younger than the headers may be; their numbers are the same everywhere. */
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif
#ifndef __NR_io_uring_enter
#define __NR_io_uring_enter 426
#endif
#ifndef __NR_io_uring_register
#define __NR_io_uring_register 427
#endif
#ifndef __NR_open_tree
#define __NR_open_tree 428
#endif
#ifndef __NR_move_mount
#define __NR_move_mount 429
#endif
#ifndef __NR_fsopen
#define __NR_fsopen 430
#endif
#ifndef __NR_fsconfig
#define __NR_fsconfig 431
#endif
#ifndef __NR_fsmount
#define __NR_fsmount 432
#endif
#ifndef __NR_fspick
#define __NR_fspick 433
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif
#ifndef __NR_faccessat2
#define __NR_faccessat2 439
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif

#define CALL(class, name)                                                                          \
	{                                                                                          \
		__NR_##name, CALL_##class, #name                                                   \
	}

struct confine_call const confine_calls[] = {
	CALL(ALWAYS, recvfrom),
	CALL(ALWAYS, sendto),
	CALL(ALWAYS, recvmsg),
	CALL(ALWAYS, sendmsg),
	CALL(ALWAYS, read),
	CALL(ALWAYS, write),
	CALL(ALWAYS, poll),
	CALL(ALWAYS, ppoll),
	CALL(ALWAYS, close),
	CALL(ALWAYS, lseek),
	CALL(ALWAYS, readv),
	CALL(ALWAYS, writev),
	CALL(ALWAYS, pread64),
	CALL(ALWAYS, pwrite64),
	CALL(ALWAYS, clock_gettime),
	CALL(ALWAYS, fsync),
	CALL(ALWAYS, fdatasync),
	CALL(ALWAYS, futex),
	CALL(ALWAYS, fcntl),
	CALL(ALWAYS, dup),
	CALL(ALWAYS, dup2),
	CALL(ALWAYS, dup3),
	CALL(ALWAYS, pipe),
	CALL(ALWAYS, pipe2),
	CALL(ALWAYS, select),
	CALL(ALWAYS, pselect6),
	CALL(ALWAYS, epoll_create1),
	CALL(ALWAYS, epoll_ctl),
	CALL(ALWAYS, epoll_wait),
	CALL(ALWAYS, epoll_pwait),
	CALL(ALWAYS, preadv),
	CALL(ALWAYS, pwritev),
	CALL(ALWAYS, preadv2),
	CALL(ALWAYS, pwritev2),
	CALL(ALWAYS, close_range),
	CALL(ALWAYS, getdents),
	CALL(ALWAYS, getdents64),
	CALL(ALWAYS, fstat),
	CALL(ALWAYS, fstatfs),
	CALL(ALWAYS, fchdir),
	CALL(ALWAYS, fadvise64),
	CALL(ALWAYS, sync_file_range),
	CALL(ALWAYS, flock),
	CALL(ALWAYS, accept),
	CALL(ALWAYS, accept4),
	CALL(ALWAYS, recvmmsg),
	CALL(ALWAYS, sendmmsg),
	CALL(ALWAYS, shutdown),
	CALL(ALWAYS, getsockopt),
	CALL(ALWAYS, setsockopt),
	CALL(ALWAYS, getsockname),
	CALL(ALWAYS, getpeername),
	CALL(ALWAYS, munmap),
	CALL(ALWAYS, mremap),
	CALL(ALWAYS, madvise),
	CALL(ALWAYS, brk),
	CALL(ALWAYS, msync),
	CALL(ALWAYS, mincore),
	CALL(ALWAYS, set_robust_list),
	CALL(ALWAYS, get_robust_list),
	CALL(ALWAYS, rseq),
	CALL(ALWAYS, membarrier),
	CALL(ALWAYS, sched_yield),
	CALL(ALWAYS, getcpu),
	CALL(ALWAYS, sched_getaffinity),
	CALL(ALWAYS, rt_sigaction),
	CALL(ALWAYS, rt_sigprocmask),
	CALL(ALWAYS, rt_sigreturn),
	CALL(ALWAYS, rt_sigpending),
	CALL(ALWAYS, rt_sigtimedwait),
	CALL(ALWAYS, rt_sigsuspend),
	CALL(ALWAYS, sigaltstack),
	CALL(ALWAYS, pause),
	CALL(ALWAYS, nanosleep),
	CALL(ALWAYS, clock_nanosleep),
	CALL(ALWAYS, clock_getres),
	CALL(ALWAYS, gettimeofday),
	CALL(ALWAYS, time),
	CALL(ALWAYS, times),
	CALL(ALWAYS, getrusage),
	CALL(ALWAYS, alarm),
	CALL(ALWAYS, setitimer),
	CALL(ALWAYS, getitimer),
	CALL(ALWAYS, getpid),
	CALL(ALWAYS, gettid),
	CALL(ALWAYS, getppid),
	CALL(ALWAYS, getuid),
	CALL(ALWAYS, geteuid),
	CALL(ALWAYS, getgid),
	CALL(ALWAYS, getegid),
	CALL(ALWAYS, getresuid),
	CALL(ALWAYS, getresgid),
	CALL(ALWAYS, getgroups),
	CALL(ALWAYS, getpgrp),
	CALL(ALWAYS, getpgid),
	CALL(ALWAYS, getsid),
	CALL(ALWAYS, getpriority),
	CALL(ALWAYS, getcwd),
	CALL(ALWAYS, uname),
	CALL(ALWAYS, sysinfo),
	CALL(ALWAYS, umask),
	CALL(ALWAYS, getrlimit),
	CALL(ALWAYS, getrandom),
	CALL(ALWAYS, exit),
	CALL(ALWAYS, exit_group),
	CALL(ALWAYS, restart_syscall),
	CALL(ALWAYS, wait4),
	CALL(ALWAYS, waitid),
	CALL(ALWAYS, capget),

	CALL(READ, stat),
	CALL(READ, lstat),
	CALL(READ, access),
	CALL(READ, faccessat),
	CALL(READ, faccessat2),
	CALL(READ, readlink),
	CALL(READ, readlinkat),
	CALL(READ, chdir),
	CALL(READ, statfs),

	CALL(WRITE, creat),
	CALL(WRITE, fallocate),
	CALL(WRITE, ftruncate),
	CALL(WRITE, fchmod),
	CALL(WRITE, fchown),
	CALL(WRITE, utimensat),

	CALL(NAMES, rename),
	CALL(NAMES, renameat),
	CALL(NAMES, renameat2),
	CALL(NAMES, link),
	CALL(NAMES, linkat),
	CALL(NAMES, unlink),
	CALL(NAMES, unlinkat),
	CALL(NAMES, mkdir),
	CALL(NAMES, mkdirat),
	CALL(NAMES, rmdir),

	CALL(INTERNET, bind),

	CALL(ARGUMENTS, open),
	CALL(ARGUMENTS, openat),
	CALL(ARGUMENTS, newfstatat),
	CALL(ARGUMENTS, statx),
	CALL(ARGUMENTS, mmap),
	CALL(ARGUMENTS, mprotect),
	CALL(ARGUMENTS, socket),
	CALL(ARGUMENTS, socketpair),
	CALL(ARGUMENTS, connect),
	CALL(ARGUMENTS, ioctl),
	CALL(ARGUMENTS, prlimit64),
	CALL(ARGUMENTS, kill),
	CALL(ARGUMENTS, tgkill),
	CALL(ARGUMENTS, tkill),
	CALL(ARGUMENTS, clone),
	CALL(ARGUMENTS, fork),
	CALL(ARGUMENTS, vfork),

	CALL(PROBE, clone3),
	CALL(PROBE, openat2),
	CALL(PROBE, prctl),
	CALL(PROBE, fchmodat2),
	CALL(PROBE, cachestat),

	CALL(RUN, execve),
	CALL(RUN, execveat),
	CALL(RUN, ptrace),
	CALL(RUN, process_vm_readv),
	CALL(RUN, process_vm_writev),
	CALL(RUN, keyctl),
	CALL(RUN, add_key),
	CALL(RUN, request_key),
	CALL(RUN, io_uring_setup),
	CALL(RUN, io_uring_enter),
	CALL(RUN, io_uring_register),
	CALL(RUN, unshare),
	CALL(RUN, personality),
	CALL(RUN, setuid),
	CALL(RUN, setgid),
	CALL(RUN, setreuid),
	CALL(RUN, setregid),
	CALL(RUN, setresuid),
	CALL(RUN, setresgid),
	CALL(RUN, setgroups),
	CALL(RUN, setfsuid),
	CALL(RUN, setfsgid),
	CALL(RUN, capset),
	CALL(RUN, chroot),
	CALL(RUN, pidfd_getfd),
	CALL(RUN, kcmp),
	CALL(RUN, name_to_handle_at),
	CALL(RUN, modify_ldt),

	CALL(ESCAPE, mount),
	CALL(ESCAPE, umount2),
	CALL(ESCAPE, pivot_root),
	CALL(ESCAPE, move_mount),
	CALL(ESCAPE, open_tree),
	CALL(ESCAPE, fsopen),
	CALL(ESCAPE, fsconfig),
	CALL(ESCAPE, fsmount),
	CALL(ESCAPE, fspick),
	CALL(ESCAPE, mount_setattr),
	CALL(ESCAPE, setns),
	CALL(ESCAPE, open_by_handle_at),
	CALL(ESCAPE, bpf),
	CALL(ESCAPE, perf_event_open),
	CALL(ESCAPE, userfaultfd),
	CALL(ESCAPE, init_module),
	CALL(ESCAPE, finit_module),
	CALL(ESCAPE, delete_module),
	CALL(ESCAPE, kexec_load),
	CALL(ESCAPE, kexec_file_load),
	CALL(ESCAPE, iopl),
	CALL(ESCAPE, ioperm),
	CALL(ESCAPE, reboot),
	CALL(ESCAPE, swapon),
	CALL(ESCAPE, swapoff),
	CALL(ESCAPE, acct),
	CALL(ESCAPE, quotactl),
	CALL(ESCAPE, settimeofday),
	CALL(ESCAPE, clock_settime),
	CALL(ESCAPE, adjtimex),
	CALL(ESCAPE, clock_adjtime),
	CALL(ESCAPE, sethostname),
	CALL(ESCAPE, setdomainname),
	CALL(ESCAPE, syslog),
	CALL(ESCAPE, fanotify_init),
	CALL(ESCAPE, open_tree_attr),
	{CALL_NONE, CALL_ALWAYS, NULL},
};

#else
struct confine_call const confine_calls[] = {{CALL_NONE, CALL_ALWAYS, NULL}};
#endif
