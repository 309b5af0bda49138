#include "lib/home.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/platform.h"

char const *
home_path(void)
{
	char const *home = platform_is_privileged() ? NULL : getenv("TERNHOME");

	return home && *home ? home : TERN_HOME;
}

int
home_enter(void)
{
	return chdir(home_path());
}
