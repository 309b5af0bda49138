#ifndef NET_OWNADDRESS_H
#define NET_OWNADDRESS_H

#include "lib/netaddress.h"

/* What an address that came from DNS is to us. */
enum address_class {
	ADDRESS_PUBLIC,   /* somebody else's, as far as one can know */
	ADDRESS_OWN,      /* of an interface of this machine */
	ADDRESS_LOOPBACK, /* this machine, by its form: 127.0.0.0/8, ::1 */
	ADDRESS_UNUSABLE  /* unspecified, link-local, multicast, reserved */
};

/* Asks the system each time. When it will not tell, no address is our own. */
enum address_class address_classify(struct netaddress const *address);

#endif
