"""The stack: object store, REST catalog, Trino, PostgreSQL and osslake's API as processes of this machine (docs/stack.md).

The servers run with the files of deploy/, the same that docker-compose.yml mounts. Each server is a module of one shape (`server.py`);
`stack.py` starts and stops them, `processes.py` knows processes, `connection.py` says how a lake uses them.
"""

from lakehouse.stack.connection import connection_settings
from lakehouse.stack.site import Site, open_site
from lakehouse.stack.stack import ServerState, stack_states, start_stack, stop_stack

__all__ = ["ServerState", "Site", "connection_settings", "open_site", "stack_states", "start_stack", "stop_stack"]
