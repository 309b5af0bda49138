#include <stdio.h>
#include <string.h>

#include <skalibs/strerr.h>

#include "lib/exits.h"
#include "policy/routetable.h"
#include "tern/commands.h"
#include "tern/findings.h"
#include "tern/instance.h"
#include "tern/routelint.h"

#define USAGE "tern routes compile [DIR]"

int
routes_main(int argc, char const *const *argv)
{
	stralloc why = STRALLOC_ZERO;
	long keys;

	if (argc < 2 || argc > 3 || strcmp(argv[1], "compile") != 0 ||
		(argc == 3 && argv[2][0] == '-'))
		strerr_dieusage(EXIT_PERMANENT, USAGE);
	instance_enter(instance_directory(argv[2]));
	findings_begin(FINDINGS_TEXT);
	routelint("smtproutes", ROUTELINT_ROUTES);
	if (findings_end() == FINDINGS_ERRORS)
		strerr_dief(EXIT_PERMANENT,
			"control/smtproutes has errors: control/smtproutes.cdb stays as it is");
	keys = routetable_compile(&why);
	if (keys == -1) {
		stralloc_0(&why);
		strerr_dief(EXIT_PERMANENT, why.s);
	}
	printf("control/smtproutes.cdb: %ld routes\n", keys);
	return EXIT_OK;
}
