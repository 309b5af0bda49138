#ifndef TERN_ROUTEDIFF_H
#define TERN_ROUTEDIFF_H

#include "tern/facts.h"

/*
 * Reads addresses from descriptor 0, each on a line, a sender and a blank
 * before it or not, and prints those whose mail would go elsewhere with the
 * one smtproutes than with the other. Returns 0 when there are none, else 1.
 */
int routediff(char const *old_path, char const *new_path, enum facts_form form);

#endif
