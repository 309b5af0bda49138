#ifndef LIB_HOME_H
#define LIB_HOME_H

/*
 * Where this instance of tern lives: $TERNHOME, else the folder named in
 * conf-home when tern was built. A setuid or setgid program gets the built-in
 * one, whatever its caller's environment says.
 */
char const *home_path(void);

/* Makes the home the working directory. Returns 0, or -1 with errno. */
int home_enter(void);

#endif
