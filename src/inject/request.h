#ifndef INJECT_REQUEST_H
#define INJECT_REQUEST_H

/*
 * What the command line asks for, whichever of the two forms it has. Strings
 * are those of the command line; NULL where nothing was said.
 */
enum request_mode {
	REQUEST_SEND,
	REQUEST_LIST_QUEUE,
	REQUEST_RUN_QUEUE,
	REQUEST_ALIASES,
	REQUEST_SMTP,
	REQUEST_VERIFY,
	REQUEST_NOTHING /* accepted, and there is nothing to do */
};

/* Where the recipients stand. */
enum request_recipients {
	RECIPIENTS_ARGUMENTS,
	RECIPIENTS_HEADER,
	RECIPIENTS_EITHER, /* the arguments if there are any, else the header */
	RECIPIENTS_BOTH
};

/* RFC 3461, 4.4: the longest envelope identifier. */
enum { ENVID_MAX = 100 };

struct request {
	enum request_mode mode;
	enum request_recipients from;
	int lists; /* an argument may be a whole list of addresses, as in a header */
	int print; /* write the message to standard output instead of sending it */
	int verbose;
	int eight_bit;      /* the caller says so */
	int sender_writes;  /* the sender said is also the author, if there is no From */
	char const *sender; /* empty, or <>: the null sender */
	char const *full_name;
	char const *notify; /* RFC 3461 words, upper case */
	char const *ret;
	char const *envelope_id;
	char *const *recipients; /* up to a NULL */
};

/* Read the command line; both exit when it is wrong. */
void request_of_inject(struct request *request, char **argv);
void request_of_sendmail(struct request *request, char **argv);

#endif
