"""An instance whose parts belong to different users, as in a real installation."""
import os

import ternlab

# No account is needed: users are known by what they own.
TERND, TERNQ, TERNS, TERNR, TERNB, TERNP, TERNL, TERN = range(61001, 61009)
TERNA = ternlab.TEST_UID  # ternlab writes what is in alias/
STRANGER = 61099

OWNERS = (  # path, owner, group, mode of folders and files
    ('queue', TERNQ, TERN, 0o750), ('queue/mess', TERNQ, TERN, 0o2750),
    ('queue/hist', TERNS, TERN, 0o2770), ('queue/bad', TERNQ, TERN, 0o2750),
    ('queue/lock', TERNQ, TERN, 0o750), ('queue/lock/send', TERNS, TERN, 0o600),
    ('queue/lock/trigger', TERNS, TERN, 0o620), ('run', 0, 0, 0o755),
    ('run/queue', TERNQ, TERN, 0o755), ('run/send', TERNS, TERN, 0o750),
    ('run/smtpd', TERND, TERND, 0o700),
    ('run/remote', TERNR, TERNR, 0o700), ('run/bounce', TERNB, TERNB, 0o700),
    ('run/lookup', TERNP, TERNP, 0o711), ('log', TERNL, TERNL, 0o750),
    ('log/queue', TERNL, TERNL, 0o750), ('log/smtpd', TERNL, TERNL, 0o750),
    ('log/verify', TERNL, TERNL, 0o750), ('log/send', TERNL, TERNL, 0o750),
    ('alias', TERNA, TERNA, 0o755),
    ('control', 0, 0, 0o755), ('service', 0, 0, 0o755), ('.', 0, 0, 0o755),
    ('bin/tern-queue', TERNQ, TERN, 0o6711), ('bin/tern-qread', 0, TERN, 0o2755),
    ('bin/tern-start', 0, 0, 0o700), ('bin/tern-lspawn', 0, 0, 0o700))


def give_owners(tern):
    for path, uid, gid, mode in OWNERS:
        path = tern.path(path)
        paths = [path]
        if path.endswith(('queue/mess', 'queue/hist')):
            paths += [os.path.join(path, str(i)) for i in range(64)]
        for p in paths:
            os.chown(p, uid, gid)
            os.chmod(p, mode)
