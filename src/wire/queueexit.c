#include "wire/queueexit.h"

#include <stddef.h>

static struct {
	int code;
	char const *text;
} const meanings[] = {
	{QUEUE_OK, "queued"},
	{QUEUE_ADDRESS_TOO_LONG, "an address is too long"},
	{QUEUE_REFUSED, "the message is refused"},
	{QUEUE_NO_MEMORY, "out of memory"},
	{QUEUE_TIMEOUT, "timeout"},
	{QUEUE_WRITE, "the queue can not be written: the disk may be full"},
	{QUEUE_READ, "the message or its envelope broke off"},
	{QUEUE_CONFIG, "the configuration can not be read"},
	{QUEUE_NETWORK, "this host has trouble with its network"},
	{QUEUE_HOME, "the home can not be entered"},
	{QUEUE_CHDIR, "the queue can not be entered"},
	{QUEUE_FILE, "the queue can not create a file"},
	{QUEUE_DEFERRED, "the message is refused for now"},
	{QUEUE_UNREACHABLE, "the queue can not be reached"},
	{QUEUE_INTERNAL, "the queue is at fault"},
	{QUEUE_CUSTOM, "the message is refused"},
	{QUEUE_FORMAT, "the envelope is malformed"},
};

char const *
queue_exit_text(int code)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (meanings[i].code == code)
			return meanings[i].text;
	return queue_exit_is_permanent(code) ? "the queue refuses for good"
					     : "the queue has an unknown trouble";
}
