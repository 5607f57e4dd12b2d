"""What must outlive the daemon: containers, sessions and the journal of events, in one SQLite file.

A change and its event are written in one transaction, under one revision, so that whoever reads the journal from a revision
on misses nothing and sees nothing twice. Never decides anything, never touches a process.

Two worked examples::

    with database.transaction() as tx:                    # start: the record and its event, or neither
        containers.put(tx, id, name, document)
        journal.append(tx, event)

    for revision, event in journal.since(database, 41):   # a watcher that had seen revision 41
        ...
"""
