#ifndef TERN_QUEUECOMMANDS_H
#define TERN_QUEUECOMMANDS_H

/* The commands of tern queue: each gets its own name as argv[0], and returns the exit code. */
int queue_ls_main(int argc, char const *const *argv);
int queue_show_main(int argc, char const *const *argv);
int queue_order_main(int argc, char const *const *argv);
int queue_shape_main(int argc, char const *const *argv);
int queue_check_main(int argc, char const *const *argv);
int queue_repair_main(int argc, char const *const *argv);
int queue_top_main(int argc, char const *const *argv);

#endif
