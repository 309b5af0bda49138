#ifndef TERN_CHECKLISTS_H
#define TERN_CHECKLISTS_H

/* The checks of checkcontrol that look at more than one line or file; into findings. */

/* A list of domains. */
void checklists_domains(char const *name);

/* One file each. */
void checklists_access(void);
void checklists_retry(void);
void checklists_throttle(void);
void checklists_timeouts(void);
void checklists_listen(void);

/* What locals, virtualdomains, rcpthosts and smtproutes say about the same domains. */
void checklists_virtual(void);
void checklists_rcpthosts(void);
void checklists_routes(void);

#endif
