#include "policy/routetable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/cdbmake.h>

#include "lib/durable.h"

/*
 * In the compiled file each key, in lower case, has the number of its line
 * (four bytes, the highest first) and its value. A key that is a single NUL,
 * which no line can have, says of which text the file was made.
 */
static char const text_path[] = "control/smtproutes";
static char const compiled_path[] = "control/smtproutes.cdb";
static char const new_path[] = "control/smtproutes.cdb.new";

enum { NUMBER_SIZE = 4, ORIGIN_MAX = 100, SETTLE_NANOSECONDS = 100000000 };

/* What is said in the compiled file about the text. */
static struct span
origin_format(char text[ORIGIN_MAX], struct filestamp stamp)
{
	int len = snprintf(text, ORIGIN_MAX, "1 %llu %llu %llu", (unsigned long long)stamp.size,
		(unsigned long long)stamp.seconds, (unsigned long long)stamp.nanoseconds);

	return span(text, (size_t)len);
}

/* As cdb_find; which does not look whether the data, too, is within the file. */
static int
compiled_find(cdb const *compiled, cdb_data *data, char const *key, size_t len)
{
	int r = cdb_find(compiled, data, key, (uint32_t)len);
	size_t begin = r == 1 ? (size_t)(data->s - compiled->map) : 0;

	if (r == 1 && (begin > compiled->size || data->len > compiled->size - begin))
		return -1;
	return r;
}

static int
is_made_of(cdb const *compiled, struct filestamp text)
{
	char want[ORIGIN_MAX];
	cdb_data data;

	return text.inode && compiled_find(compiled, &data, "", 1) == 1 &&
	       span_equal(span(data.s, data.len), origin_format(want, text));
}

/* Returns whether the compiled file is there and is of this text. */
static int
compiled_open(cdb *compiled, struct filestamp text)
{
	*compiled = cdb_zero;
	if (!cdb_init(compiled, compiled_path))
		return 0;
	if (is_made_of(compiled, text))
		return 1;
	cdb_free(compiled);
	return 0;
}

enum routetable_state
routetable_compiled_state(void)
{
	cdb compiled;

	if (access(compiled_path, F_OK) == -1 && errno == ENOENT)
		return ROUTETABLE_NONE;
	if (!compiled_open(&compiled, filestamp_take(text_path)))
		return ROUTETABLE_STALE;
	cdb_free(&compiled);
	return ROUTETABLE_CURRENT;
}

int
routetable_refresh(struct routetable *table, stralloc *why)
{
	struct filestamp text = filestamp_take(text_path);
	struct filestamp compiled_stamp = filestamp_take(compiled_path);
	cdb compiled;

	if (filestamp_same(table->text_stamp, text) &&
		filestamp_same(table->compiled_stamp, compiled_stamp))
		return 0;
	if (compiled_stamp.inode && compiled_open(&compiled, text)) {
		routetable_free(table);
		table->compiled = compiled;
		table->is_compiled = 1;
	} else {
		if (domainmap_load(&table->text, "smtproutes", DOMAINMAP_VALUES, why) == -1)
			return -1;
		if (table->is_compiled)
			cdb_free(&table->compiled);
		table->is_compiled = 0;
	}
	table->text_stamp = text;
	table->compiled_stamp = compiled_stamp;
	return 0;
}

static void
key_lower(char *lower, struct span key)
{
	for (size_t i = 0; i < key.len; i++)
		lower[i] = key.s[i] >= 'A' && key.s[i] <= 'Z' ? (char)(key.s[i] + 32) : key.s[i];
}

static unsigned
number_read(char const *s)
{
	unsigned char const *b = (unsigned char const *)s;

	return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

/* The key is in lower case, and short enough. */
static int
compiled_exact(cdb const *compiled, struct span key, struct domainmap_entry *entry, stralloc *why)
{
	cdb_data data;
	int r = compiled_find(compiled, &data, key.s, key.len);

	if (r == 0)
		return 0;
	if (r == -1 || data.len < NUMBER_SIZE)
		return control_complain(why, "smtproutes.cdb", 0,
			"is damaged; make it anew with: tern routes compile", span("", 0));
	entry->key = key;
	entry->line = number_read(data.s);
	entry->value = span(data.s + NUMBER_SIZE, data.len - NUMBER_SIZE);
	return 1;
}

int
routetable_exact(struct routetable const *table, struct span key, struct domainmap_entry *entry,
	stralloc *why)
{
	char lower[ROUTETABLE_KEY_MAX];
	int r;

	if (!table->is_compiled)
		return domainmap_exact(&table->text, key, entry);
	if (key.len > sizeof lower)
		return 0;
	key_lower(lower, key);
	r = compiled_exact(&table->compiled, span(lower, key.len), entry, why);
	entry->key = key;
	return r;
}

int
routetable_find(struct routetable const *table, struct span domain, struct domainmap_entry *entry,
	stralloc *why)
{
	int r;

	if (!table->is_compiled)
		return domainmap_find(&table->text, domain, entry);
	r = routetable_exact(table, domain, entry, why);
	for (size_t i = 0; r == 0 && i < domain.len; i++)
		if (domain.s[i] == '.')
			r = routetable_exact(table, span(domain.s + i, domain.len - i), entry, why);
	return r ? r : routetable_exact(table, span("", 0), entry, why);
}

void
routetable_free(struct routetable *table)
{
	domainmap_free(&table->text);
	if (table->is_compiled)
		cdb_free(&table->compiled);
	*table = (struct routetable)ROUTETABLE_ZERO;
}

static int
entry_add(cdbmaker *maker, struct domainmap_entry const *entry, stralloc *value)
{
	char lower[ROUTETABLE_KEY_MAX], number[NUMBER_SIZE];

	for (int i = 0; i < NUMBER_SIZE; i++)
		number[i] = (char)(entry->line >> (24 - 8 * i) & 0xff);
	key_lower(lower, entry->key);
	value->len = 0;
	return stralloc_catb(value, number, sizeof number) &&
	       stralloc_catb(value, entry->value.s, entry->value.len) &&
	       cdbmake_add(maker, lower, (unsigned)entry->key.len, value->s, (unsigned)value->len);
}

/* Adds the line that counts for each key. Returns their number, or -1. */
static long
entries_add(cdbmaker *maker, struct domainmap const *text, stralloc *why)
{
	struct domainmap_entry entry, last;
	stralloc value = STRALLOC_ZERO;
	long keys = 0;

	for (size_t i = 0; keys != -1 && domainmap_entry_at(text, i, &entry); i++) {
		if (entry.key.len > ROUTETABLE_KEY_MAX)
			keys = control_complain(why, "smtproutes", entry.line,
				"its domain is longer than 1024 bytes", span("", 0));
		else if (!domainmap_exact(text, entry.key, &last) || last.line != entry.line)
			continue;
		else if (!entry_add(maker, &entry, &value))
			keys = control_complain(why, "smtproutes.cdb", 0, "can not be written",
				span_string(strerror(errno)));
		else
			keys++;
	}
	stralloc_free(&value);
	return keys;
}

static long
compiled_write(int fd, struct domainmap const *text, struct filestamp stamp, stralloc *why)
{
	static cdbmaker maker;
	char origin[ORIGIN_MAX];
	struct span about = origin_format(origin, stamp);
	long keys;

	maker = (cdbmaker)CDBMAKER_ZERO;
	if (!cdbmake_start(&maker, fd))
		return control_complain(why, "smtproutes.cdb", 0, "can not be written",
			span_string(strerror(errno)));
	keys = entries_add(&maker, text, why);
	if (keys == -1) {
		genalloc_free(diuint32, &maker.hplist);
		return -1;
	}
	if (!cdbmake_add(&maker, "", 1, about.s, (unsigned)about.len) || !cdbmake_finish(&maker) ||
		fsync(fd) == -1)
		return control_complain(why, "smtproutes.cdb", 0, "can not be written",
			span_string(strerror(errno)));
	return keys;
}

static long
compiled_replace(struct domainmap const *text, struct filestamp stamp, stralloc *why)
{
	int fd = open(new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	long keys;

	if (fd == -1)
		return control_complain(why, "smtproutes.cdb.new", 0, "can not be created",
			span_string(strerror(errno)));
	keys = compiled_write(fd, text, stamp, why);
	if (close(fd) == -1 || keys == -1 || rename(new_path, compiled_path) == -1 ||
		durable_directory("control") == -1) {
		if (keys != -1)
			control_complain(why, "smtproutes.cdb", 0, "can not be replaced",
				span_string(strerror(errno)));
		unlink(new_path);
		return -1;
	}
	return keys;
}

long
routetable_compile(stralloc *why)
{
	struct domainmap text = DOMAINMAP_ZERO;
	struct filestamp before, after;
	long keys = -1;
	int r;

	do {
		before = filestamp_take(text_path);
		r = domainmap_load(&text, "smtproutes", DOMAINMAP_VALUES, why);
		if (r != 1)
			break;
		while (after = filestamp_take(text_path), after.inode && !after.is_settled)
			nanosleep(&(struct timespec){.tv_nsec = SETTLE_NANOSECONDS}, NULL);
		before.is_settled = 1;
	} while (!filestamp_same(before, after));
	if (r == 0)
		control_complain(
			why, "smtproutes", 0, "is not there: nothing to compile", span("", 0));
	else if (r == 1)
		keys = compiled_replace(&text, after, why);
	domainmap_free(&text);
	return keys;
}
