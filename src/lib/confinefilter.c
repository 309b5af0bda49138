#define _GNU_SOURCE
#include "lib/confine.h"

/*
 * The filter of system calls (seccomp), made from the table of calls. The
 * kernel runs it at each call, but keeps a list of those numbers that it
 * allows whatever their arguments, so it costs what depends on arguments.
 */
#if defined __linux__ && (defined __x86_64__ || defined __aarch64__)

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/confinecalls.h"

#ifdef __x86_64__
enum { OTHER_ABI = 0x40000000 }; /* the bit of the calls of x32 */
#define MACHINE AUDIT_ARCH_X86_64
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#else
#define MACHINE AUDIT_ARCH_AARCH64
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif

/* Fails without a word; fails and is said; ends the process. */
#define FAIL(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))
#define SAY(error) (SECCOMP_RET_TRAP | (uint32_t)(error))

enum {
	PROGRAM_MAX = 1024,
	NUMBERS_MAX = 512,         /* of calls; what is above is unknown, and said each time */
	SYSTEM_CALL_BY_FILTER = 1, /* SYS_SECCOMP of siginfo(3) */
	EMPTY_PATH = 0x1000        /* AT_EMPTY_PATH */
};

/* The number of a call that a tracer wants not to be made. */
#define TRACER_SKIPS UINT32_MAX

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short len;
};

static void
put(struct program *p, int code, uint32_t k, unsigned yes, unsigned no)
{
	if (p->len < PROGRAM_MAX)
		p->code[p->len++] = (struct sock_filter){
			(unsigned short)code, (unsigned char)yes, (unsigned char)no, k};
}

static void
put_result(struct program *p, uint32_t result)
{
	put(p, BPF_RET | BPF_K, result, 0, 0);
}

/* If the accumulator is value: result. */
static void
put_if(struct program *p, uint32_t value, uint32_t result)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
	put_result(p, result);
}

/* If it has none of the bits: result. */
static void
put_if_none(struct program *p, uint32_t bits, uint32_t result)
{
	put(p, BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
	put_result(p, result);
}

/* The low half of an argument. Both kinds of machine have it first. */
static void
put_argument(struct program *p, unsigned number)
{
	put(p, BPF_LD | BPF_W | BPF_ABS,
		(uint32_t)(offsetof(struct seccomp_data, args) + number * sizeof(uint64_t)), 0, 0);
}

static void
put_open(struct program *p, unsigned may, unsigned flags_argument)
{
	uint32_t changes = O_ACCMODE | O_CREAT | O_TRUNC;

	if (may & CONFINE_READ && !(may & CONFINE_WRITE)) {
		put_argument(p, flags_argument);
		put_if_none(p, changes, SECCOMP_RET_ALLOW);
	}
	put_result(p, may & CONFINE_WRITE ? SECCOMP_RET_ALLOW : SAY(EACCES));
}

/* fstat is one of these with an empty path. */
static void
put_stat(struct program *p, unsigned may, unsigned flags_argument)
{
	if (!(may & CONFINE_READ)) {
		put_argument(p, flags_argument);
		put_if_none(p, EMPTY_PATH, SAY(EACCES));
	}
	put_result(p, SECCOMP_RET_ALLOW);
}

/*
 * Some families are only refused, since libc may want them; the others lead
 * to parts of the kernel where nothing of ours has any business.
 */
static void
put_socket(struct program *p, unsigned may)
{
	uint32_t internet = may & CONFINE_INTERNET ? SECCOMP_RET_ALLOW : SAY(EACCES);

	put_argument(p, 0);
	put_if(p, AF_UNIX, may & CONFINE_UNIX ? SECCOMP_RET_ALLOW : SAY(EACCES));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 4);
	put_argument(p, 2);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 0, 1);
	put_result(p, internet);
	put_result(p, SECCOMP_RET_KILL_PROCESS);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 5);
	put_argument(p, 1);
	put(p, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0); /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
	put(p, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 1, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, SOCK_DGRAM, 0, 1);
	put_result(p, internet);
	put_result(p, SECCOMP_RET_KILL_PROCESS);
}

/* To ourselves, as abort does; to others only where that is our work. */
static void
put_signal(struct program *p, unsigned may)
{
	if (!(may & CONFINE_SIGNAL)) {
		put_argument(p, 0);
		put_if(p, (uint32_t)getpid(), SECCOMP_RET_ALLOW);
	}
	put_result(p, may & CONFINE_SIGNAL ? SECCOMP_RET_ALLOW : SAY(EPERM));
}

/* What the filter does with a call whose arguments matter; ends in a result. */
static void
put_by_arguments(struct program *p, int number, unsigned may)
{
	switch (number) {
#ifdef __NR_open
	case __NR_open: put_open(p, may, 1); break;
#endif
	case __NR_openat: put_open(p, may, 2); break;
	case __NR_newfstatat: put_stat(p, may, 3); break;
	case __NR_statx: put_stat(p, may, 2); break;
	case __NR_mmap:
	case __NR_mprotect:
		put_argument(p, 2);
		put_if_none(p, PROT_EXEC, SECCOMP_RET_ALLOW);
		put_result(p, SAY(EACCES));
		break;
	case __NR_socket: put_socket(p, may); break;
	case __NR_socketpair:
		put_argument(p, 0);
		put_if(p, AF_UNIX, SECCOMP_RET_ALLOW);
		put_result(p, SECCOMP_RET_KILL_PROCESS);
		break;
	case __NR_connect:
		put_result(p,
			may & (CONFINE_UNIX | CONFINE_INTERNET) ? SECCOMP_RET_ALLOW : SAY(EACCES));
		break;
	case __NR_ioctl: /* libc asks whether a descriptor is a terminal */
		put_argument(p, 1);
		put_if(p, FIONREAD, SECCOMP_RET_ALLOW);
		put_if(p, FIONBIO, SECCOMP_RET_ALLOW);
		put_result(p, FAIL(ENOTTY));
		break;
	case __NR_prlimit64: /* of ourselves */
		put_argument(p, 0);
		put_if(p, 0, SECCOMP_RET_ALLOW);
		put_if(p, (uint32_t)getpid(), SECCOMP_RET_ALLOW);
		put_result(p, SAY(EPERM));
		break;
	case __NR_kill:
	case __NR_tgkill:
	case __NR_tkill: put_signal(p, may); break;
	default: put_result(p, FAIL(EAGAIN)); /* clone, fork, vfork: libc has signals blocked */
	}
}

static uint32_t
result_of_class(enum call_class class, unsigned may)
{
	switch (class) {
	case CALL_READ: return may & CONFINE_READ ? SECCOMP_RET_ALLOW : SAY(EACCES);
	case CALL_WRITE: return may & CONFINE_WRITE ? SECCOMP_RET_ALLOW : SAY(EACCES);
	case CALL_NAMES: return may & CONFINE_NAMES ? SECCOMP_RET_ALLOW : SAY(EACCES);
	case CALL_INTERNET: return may & CONFINE_INTERNET ? SECCOMP_RET_ALLOW : SAY(EACCES);
	case CALL_PROBE: return FAIL(ENOSYS);
	case CALL_RUN:
	case CALL_ESCAPE: return SECCOMP_RET_KILL_PROCESS;
	case CALL_ALWAYS:
	case CALL_ARGUMENTS: break;
	}
	return SECCOMP_RET_ALLOW;
}

/* What becomes of the calls from `first` up to the next one that has an outcome of its own. */
struct outcome {
	uint32_t first;
	uint32_t result;
	int by_arguments;
};

/* Calls in a row with the same outcome are one. Returns how many there are. */
static size_t
outcome_add(struct outcome *all, size_t count, struct outcome next)
{
	if (count && !next.by_arguments && !all[count - 1].by_arguments &&
		all[count - 1].result == next.result)
		return count;
	all[count] = next;
	return count + 1;
}

/* For each number. all has room for NUMBERS_MAX and a few. */
static size_t
outcomes_make(struct outcome *all, unsigned may)
{
	static struct outcome of[NUMBERS_MAX];
	int others = may & CONFINE_RUN;
	uint32_t unknown = others ? SECCOMP_RET_ALLOW : SAY(ENOSYS);
	size_t count = 0;

	for (uint32_t i = 0; i < NUMBERS_MAX; i++)
		of[i] = (struct outcome){i, unknown, 0};
	for (struct confine_call const *call = confine_calls; call->name; call++)
		if (call->number >= 0 && call->number < NUMBERS_MAX &&
			(!others || call->class == CALL_ESCAPE)) {
			of[call->number].result = result_of_class(call->class, may);
			of[call->number].by_arguments = call->class == CALL_ARGUMENTS;
		}
	for (uint32_t i = 0; i < NUMBERS_MAX; i++)
		count = outcome_add(all, count, of[i]);
	count = outcome_add(all, count, (struct outcome){NUMBERS_MAX, unknown, 0});
	if (others)
		return count;
#ifdef __x86_64__
	count = outcome_add(all, count, (struct outcome){OTHER_ABI, SECCOMP_RET_KILL_PROCESS, 0});
#endif
	return outcome_add(all, count, (struct outcome){TRACER_SKIPS, SECCOMP_RET_ALLOW, 0});
}

/* Lets the branch, when it is taken, go over so many instructions; a far one needs another jump. */
static void
put_distance(struct program *p, unsigned branch, unsigned distance)
{
	struct sock_filter *code = &p->code[branch];

	if (p->len >= PROGRAM_MAX)
		return;
	if (distance <= UINT8_MAX) {
		code->jt = (unsigned char)distance;
		return;
	}
	memmove(code + 2, code + 1, distance * sizeof *code);
	code->jf = 1;
	code[1] = (struct sock_filter){BPF_JMP | BPF_JA, 0, 0, distance};
	p->len++;
}

/*
 * A tree of comparisons. A kernel that is given a filter tries it on each
 * number, to know which it always allows; with a long list that takes longer
 * than all else.
 */
static void
put_tree(struct program *p, struct outcome const *all, size_t count, unsigned may)
{
	size_t half = count / 2;
	unsigned branch = p->len, lower;

	if (count == 1 && all->by_arguments) {
		put_by_arguments(p, (int)all->first, may);
	} else if (count == 1) {
		put_result(p, all->result);
	} else {
		put(p, BPF_JMP | BPF_JGE | BPF_K, all[half].first, 0, 0);
		put_tree(p, all, half, may);
		lower = p->len - branch - 1;
		put_distance(p, branch, lower);
		put_tree(p, all + half, count - half, may);
	}
}

static void
program_make(struct program *p, unsigned may)
{
	static struct outcome all[NUMBERS_MAX + 4];
	size_t count = outcomes_make(all, may);

	put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	put_result(p, may & CONFINE_RUN ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS);
	put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	put_tree(p, all, count, may);
}

/*
 * What a refused call leads to. It has not been made; what we leave as its
 * result is what libc sees.
 */
static char const *program_name;

static size_t
text_put(char *text, size_t len, size_t max, char const *s)
{
	while (*s && len < max)
		text[len++] = *s++;
	return len;
}

static size_t
number_put(char *text, size_t len, size_t max, unsigned n)
{
	char digits[12];
	size_t i = sizeof digits;

	digits[--i] = '\0';
	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	return text_put(text, len, max, digits + i);
}

static void
refusal_say(unsigned number, int error)
{
	char text[200];
	size_t len, max = sizeof text - 1;
	char const *name = "unknown";

	for (struct confine_call const *call = confine_calls; call->name; call++)
		if (call->number == (int)number)
			name = call->name;
	len = text_put(text, 0, max, program_name);
	len = text_put(text, len, max, ": warning: confinement: system call ");
	len = number_put(text, len, max, number);
	len = text_put(text, len, max, " (");
	len = text_put(text, len, max, name);
	len = text_put(text, len, max, ") was refused with error ");
	len = number_put(text, len, max, (unsigned)error);
	len = text_put(text, len, max, ": see tern-confinement(7)");
	text[len++] = '\n';
	if (write(2, text, len) == -1)
		return; /* there is nobody else to tell */
}

static void
refused(int number, siginfo_t *info, void *context)
{
	static unsigned char said[NUMBERS_MAX];
	unsigned call = (unsigned)info->si_syscall;
	int e = errno;

	(void)number;
	if (info->si_code != SYSTEM_CALL_BY_FILTER)
		return;
	RESULT((ucontext_t *)context) = -info->si_errno;
	if (call >= NUMBERS_MAX || !said[call])
		refusal_say(call, info->si_errno);
	if (call < NUMBERS_MAX)
		said[call] = 1;
	errno = e;
}

static void
refusals_catch(char const *name)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t only;

	program_name = name;
	action.sa_sigaction = refused;
	sigemptyset(&action.sa_mask);
	sigaction(SIGSYS, &action, NULL);
	sigemptyset(&only);
	sigaddset(&only, SIGSYS);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
}

void
confine_filter(struct confine const *c)
{
	static struct program program;
	struct sock_fprog filter = {.filter = program.code};

	program.len = 0;
	program_make(&program, c->may);
	if (program.len == PROGRAM_MAX)
		return;
	filter.len = program.len;
	if (!(c->may & CONFINE_RUN))
		refusals_catch(c->program);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

int
confine_has_filter(void)
{
	return prctl(PR_GET_SECCOMP) >= 0;
}

#else
void
confine_filter(struct confine const *c)
{
	(void)c;
}

int
confine_has_filter(void)
{
	return 0;
}
#endif
