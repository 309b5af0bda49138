#include "wire/account.h"

#include "lib/text.h"
#include "wire/envelope.h"
#include "wire/fields.h"

int
account_format(stralloc *sa, struct account const *account)
{
	return stralloc_catb(sa, "A", 1) && field_append(sa, account->user) &&
	       field_append_number(sa, account->uid) && field_append_number(sa, account->gid) &&
	       field_append(sa, account->home) && field_append(sa, account->dash) &&
	       field_append(sa, account->ext);
}

int
account_trouble_format(stralloc *sa, struct span text)
{
	if (text.len > ACCOUNT_TEXT_MAX)
		text.len = ACCOUNT_TEXT_MAX;
	return stralloc_catb(sa, "T", 1) && text_append_clean(sa, text) && stralloc_0(sa);
}

/* A name is handed to programs and written to logs. */
static int
user_is_good(struct span user)
{
	if (user.len == 0 || user.len >= ACCOUNT_USER_LIMIT || user.s[0] == '-')
		return 0;
	for (size_t i = 0; i < user.len; i++)
		if (user.s[i] <= ' ' || user.s[i] == '/' || user.s[i] == ':' ||
			(user.s[i] >= 'A' && user.s[i] <= 'Z') || user.s[i] == 127)
			return 0;
	return 1;
}

static int
home_is_good(struct span home)
{
	return home.len && home.len <= ACCOUNT_HOME_MAX && home.s[0] == '/' &&
	       span_find(home, '\n') == home.len;
}

static int
dash_is_good(struct span dash, struct span ext)
{
	if (dash.len == 0)
		return ext.len == 0;
	return span_equal(dash, SPAN_LITERAL("-")) && ext.len < ADDRESS_LIMIT;
}

static int
take_id(struct span *rest, uint32_t *id)
{
	uint64_t value;

	/* the largest one means "leave it as it is" to the kernel */
	if (field_take_number(rest, UINT32_MAX - 1, &value) == -1 || value == 0)
		return -1;
	*id = (uint32_t)value;
	return 0;
}

int
account_parse(struct account *account, struct span *trouble, char const *s, size_t len)
{
	struct span rest;

	if (len == 0 || len > ACCOUNT_ANSWER_MAX)
		return -1;
	rest = span(s + 1, len - 1);
	if (s[0] == 'T') {
		if (field_take(&rest, trouble) == -1 || rest.len || trouble->len > ACCOUNT_TEXT_MAX)
			return -1;
		return ACCOUNT_TROUBLE;
	}
	if (s[0] != 'A' || field_take(&rest, &account->user) == -1 ||
		take_id(&rest, &account->uid) == -1 || take_id(&rest, &account->gid) == -1 ||
		field_take(&rest, &account->home) == -1 ||
		field_take(&rest, &account->dash) == -1 || field_take(&rest, &account->ext) == -1 ||
		rest.len)
		return -1;
	if (!user_is_good(account->user) || !home_is_good(account->home) ||
		!dash_is_good(account->dash, account->ext))
		return -1;
	return ACCOUNT_FOUND;
}
