"""The Emulator's state as a whole, to export and to import, as methods of its own."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from .calls import Calls


class StateCalls(Calls):
    """Users, roles, friends and, if asked for, auth tokens, as one document."""

    def export_state(self, *, auth_tokens: bool = False) -> dict[str, Any]:
        """Users with roles, friends and who is online, and the roles, for import_state().

        With `auth_tokens` whoever has it can log in as anybody in it; keys are never in it.
        """
        return self._call(lambda: deepcopy(self._world.export_state(auth_tokens=auth_tokens)))

    def import_state(self, document: Any) -> None:
        """Have the users, roles and auth tokens of a document that export_state() made instead of
        those that are there.  Sockets are closed; `app_id` and `region` stay as they are.

        Who is online in it is so as by set_online().  If anything in it is wrong, a ValueError
        names it, as in ``users[3]: tags must be a list of text``, and nothing was changed.
        """
        own = deepcopy(document)
        self._call(lambda: self._world.import_state(own))

    def export(self, path: str | Path, *, auth_tokens: bool = False) -> None:
        """Write what export_state() says to a file; from_file() and `users=` read it."""
        document = self.export_state(auth_tokens=auth_tokens)
        Path(path).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
