#include "wire/account.h"

#include <stdint.h>
#include <stdlib.h>

/* What is accepted is never root's, and is written again as the same bytes but for zeros in front.
 */
int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct account account, again;
	struct span trouble;
	stralloc sa = STRALLOC_ZERO;

	if (account_parse(&account, &trouble, (char const *)data, size) != ACCOUNT_FOUND)
		return 0;
	if (account.uid == 0 || account.gid == 0 || account.home.s[0] != '/')
		abort();
	if (!account_format(&sa, &account) ||
		account_parse(&again, &trouble, sa.s, sa.len) != ACCOUNT_FOUND ||
		again.uid != account.uid || !span_equal(again.home, account.home) ||
		!span_equal(again.ext, account.ext))
		abort();
	stralloc_free(&sa);
	return 0;
}
