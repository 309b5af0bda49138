#ifndef TERN_COMMANDS_H
#define TERN_COMMANDS_H

/*
 * The commands of tern: each gets its own name as argv[0], and returns the
 * exit code.
 */
int init_main(int argc, char const *const *argv);
int owners_main(int argc, char const *const *argv);
int up_main(int argc, char const *const *argv);
int down_main(int argc, char const *const *argv);
int status_main(int argc, char const *const *argv);
int queue_main(int argc, char const *const *argv);
int why_main(int argc, char const *const *argv);
int metrics_main(int argc, char const *const *argv);
int route_main(int argc, char const *const *argv);
int routes_main(int argc, char const *const *argv);
int relays_main(int argc, char const *const *argv);
int check_main(int argc, char const *const *argv);
int morercpthosts_main(int argc, char const *const *argv);

/* The path tern was called by. */
extern char const *tern_argv0;

#endif
