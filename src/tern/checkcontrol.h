#ifndef TERN_CHECKCONTROL_H
#define TERN_CHECKCONTROL_H

#include "tern/findings.h"

/*
 * Looks at all files of control/ and says what is wrong or strange. The
 * working directory is the home. Returns the exit code (tern/findings.h).
 */
int checkcontrol(enum findings_form form);

#endif
