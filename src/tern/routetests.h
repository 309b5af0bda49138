#ifndef TERN_ROUTETESTS_H
#define TERN_ROUTETESTS_H

/*
 * control/routetests: lines "from to -> expected", where from is a sender, <>
 * or * (no matter who), and expected is "local", "mx", or relays as in
 * smtproutes. Into findings, each that does not hold.
 */
void routetests_check(void);

#endif
