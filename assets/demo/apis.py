"""Tools as people's programs offer them: hand-written ones (``apis.txt``) and actions on records.

``apis.txt`` holds tools of everyday interfaces in families; tools of one family share nouns and verbs, so that a
choice between them needs reading. :data:`ACTIONS` holds what can be done with a record (an invoice, a ticket, a
user), with the words of programs and those of people. Both serve training only, but for the tools of ``apis.txt``
marked with ``~``, which are held out as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

IDLE = frozenset(
    "the for with this that what which who how are you can not from your use tool and get have has does did will was "
    "been our its his her them they there here when where out any all may let one please want need would should could "
    "some more than very much many into about over under only just now then also too".split()
)  # words that say nothing about what is wanted


@dataclass(frozen=True)
class ApiParam:
    """A parameter: the names it may have, the kind of its values, and what it is for, in several wordings."""

    names: tuple[str, ...]
    kind: str
    required: bool
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Api:
    """A tool with several names, descriptions and ways to ask for it.

    In a way to ask, ``{0}`` is the value of the first parameter, ``<...>`` is left out now and then,
    ``[a|b]`` are alternatives and ``{1=high}`` gives the second parameter a value without showing it.
    """

    family: str
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    params: tuple[ApiParam, ...]
    asks: tuple[str, ...]
    clashes: frozenset[str] = frozenset()
    held: bool = False

    @property
    def topic(self) -> str:
        """What no other tool of a box may be about."""
        return f"{self.family}/{self.names[0]}"


def _cut(text: str, by: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(by) if part.strip())


def parse(text: str) -> list[Api]:
    """The tools of a text in the format of ``apis.txt``; raises ``ValueError`` for a line that it cannot read."""
    found: list[Api] = []
    family = ""
    names: tuple[str, ...] = ()
    descriptions: list[str] = []
    params: list[ApiParam] = []
    asks: list[str] = []
    clashes: set[str] = set()
    held = False

    def close() -> None:
        if names:
            found.append(Api(family, names, tuple(descriptions), tuple(params), tuple(asks), frozenset(clashes), held))
        for part in (descriptions, params, asks):
            part.clear()
        clashes.clear()

    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, _, rest = line.partition(" ")
        if head == "==":
            close()
            family, names = rest.strip(), ()
        elif head == "d":
            descriptions.extend(_cut(rest, "|"))
        elif head in ("p", "p?"):
            named, kind, *uses = rest.split(" : ")
            params.append(ApiParam(_cut(named, ","), kind.strip(), head == "p", _cut(" : ".join(uses), "|")))
        elif head == "a":
            asks.append(rest.strip())
        elif head == "x":
            clashes.update(_cut(rest, ","))
        elif head in ("t", "~t"):
            close()
            names, held = _cut(rest, "|"), head == "~t"
        else:
            raise ValueError(f"cannot read {line!r}")
    close()
    return found


@lru_cache(maxsize=1)
def apis() -> tuple[Api, ...]:
    """All tools of ``apis.txt``."""
    return tuple(parse((Path(__file__).parent / "apis.txt").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def sentences() -> tuple[Api, ...]:
    """What ``sentences.txt`` holds: sentences as ways to ask, their data as parameters."""
    return tuple(parse((Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The words of the tools that are trained."""
    found: set[str] = set()
    for api in apis():
        if not api.held:
            for text in (*api.names, *api.descriptions, *api.asks):
                found.update(re.findall(r"[a-z]{3,}", re.sub(r"\{\d(=[^{}]*)?\}", " ", text.lower())))
    return tuple(sorted(found - IDLE))


@dataclass(frozen=True)
class Action:
    """Something to do with a record: the verbs of names, descriptions, and people's ways to ask.

    ``{n}`` is the kind of record as the tool calls it, ``{ns}`` several of them; ``{N}`` and ``{Ns}`` are the same
    in the words of the user. ``{0}``, ``{1}`` are values as in :class:`Api`.
    """

    key: str
    verbs: tuple[str, ...]
    descriptions: tuple[str, ...]
    params: tuple[ApiParam, ...]
    asks: tuple[str, ...]


_ID = ApiParam(
    ("{n}_id", "id", "{n}", "{n}_number", "number", "{n}_ref", "key", "{n}_code"),
    "ref",
    True,
    ("Which {n}", "Number of the {n}", "The {n} that is meant", "Identifies the {n}", "id of the {n}", "{n} key"),
)


def _text(names: str, kind: str, *uses: str, required: bool = True) -> ApiParam:
    return ApiParam(tuple(names.split()), kind, required, uses)


ACTIONS: tuple[Action, ...] = (
    Action(
        "get",
        ("get", "show", "read", "fetch", "view", "load", "open"),
        (
            "Get a {n} by its id.",
            "Returns one {n} with all details",
            "Show the data of a single {n}.",
            "Read a {n}.",
            "All we know about a {n}",
        ),
        (_ID,),
        (
            "show me {N} {0}",
            "what do we know about {N} {0}",
            "[open|pull up|bring up] {N} {0}",
            "I want to [see|look at|read] {N} {0}",
            "let me have a look at {N} {0}",
            "the details of {N} {0} please",
            "what is in {N} {0}",
            "can you get me {N} {0}",
            "tell me about {N} {0}",
            "{N} {0}: what does it say",
            "give me everything on {N} {0}",
        ),
    ),
    Action(
        "list",
        ("list", "get_all", "show_all", "all", "index", "list_all"),
        (
            "List all {ns}.",
            "Returns every {n} there is",
            "Overview of the {ns}",
            "Get all {ns}.",
            "Shows the {ns} that exist.",
        ),
        (_text("limit max max_results count top", "small", "How many at most", "Upper bound", required=False),),
        (
            "show all {Ns}",
            "which {Ns} do we have",
            "what {Ns} are there",
            "list [the|our|my|all] {Ns}",
            "give me a list of {Ns}",
            "I need an overview of [our|all|the] {Ns}",
            "let me see every {N}",
            "do we have any {Ns}",
            "show me the {Ns}, {0} at most",
            "list up to {0} {Ns}",
            "give me {0} {Ns}",
            "all {Ns} please",
        ),
    ),
    Action(
        "search",
        ("search", "find", "query", "look_up", "lookup", "filter"),
        (
            "Search {ns} by text.",
            "Full text search over all {ns}",
            "Find {ns} that contain some words.",
            "Looks for {ns} by keyword",
        ),
        (
            _text("query q text keyword search_term term words", "topic", "What to look for", "Words to search for"),
            _text("limit max max_results", "small", "How many at most", required=False),
        ),
        (
            "find {Ns} about {0}",
            "is there a {N} about {0}",
            "look for {Ns} that mention {0}",
            "search [the|our|my] {Ns} for {0}",
            "which {Ns} have to do with {0}",
            "I am looking for a {N} on {0}",
            "any {Ns} with {0} in it",
            "where did I see a {N} about {0}",
            "find [at most|up to] {1} {Ns} on {0}",
        ),
    ),
    Action(
        "create",
        ("create", "add", "new", "make", "register", "insert"),
        (
            "Create a new {n}.",
            "Adds a {n}.",
            "Make a {n} with a title",
            "Registers another {n}",
            "Inserts a new {n} into the system.",
        ),
        (
            _text("title name {n}_name label subject", "title", "What the {n} is called", "Name of the new {n}"),
            _text(
                "description details text content notes",
                "message",
                "More about it",
                "What it is about",
                required=False,
            ),
        ),
        (
            'create a {N} [called|named|with the name|titled] "{0}"',
            "add a [new|] {N} [called|named] {0}",
            "we need a new {N}: {0}",
            "make me a {N} named {0}",
            "start a [new|fresh] {N} called {0}",
            "set up a {N} with the title {0}",
            'I would like to have a {N} "{0}"<, it should say "{1}">',
            'new {N} "{0}"< with the text "{1}">',
            'put in a {N} named {0}<: "{1}">',
            'open a new {N} "{0}"<, details: {1}>',
        ),
    ),
    Action(
        "delete",
        ("delete", "remove", "erase", "drop", "destroy", "purge"),
        (
            "Delete a {n}.",
            "Removes a {n} for good",
            "Permanently erase one {n}.",
            "Takes a {n} out of the system",
        ),
        (_ID,),
        (
            "get rid of {N} {0}",
            "delete {N} {0}",
            "remove [the|] {N} {0}",
            "throw {N} {0} away",
            "erase {N} {0} for good",
            "{N} {0} was a mistake, delete it",
            "I never want to see {N} {0} again",
            "please take {N} {0} out of the system",
            "wipe {N} {0}",
            "{N} {0} can be thrown away",
        ),
    ),
    Action(
        "rename",
        ("rename", "retitle", "change_name", "set_name"),
        ("Rename a {n}.", "Gives a {n} another name", "Change the title of a {n}."),
        (
            _ID,
            _text("new_name name title new_title to", "title", "What it will be called", "The name after the change"),
        ),
        (
            'rename {N} {0} to "{1}"',
            "call {N} {0} {1} from now on",
            "{N} {0} should be called {1}",
            'the new name of {N} {0} is "{1}"',
            "change the title of {N} {0} to {1}",
            'give {N} {0} the name "{1}"',
            'I want {N} {0} to be named "{1}"',
        ),
    ),
    Action(
        "assign",
        ("assign", "delegate", "give_to", "hand_over", "set_owner"),
        (
            "Assign a {n} to a person.",
            "Make somebody responsible for a {n}",
            "Hands a {n} over to a colleague.",
        ),
        (_ID, _text("assignee person to user owner colleague", "name", "Who takes care of it", "The person in charge")),
        (
            "assign {N} {0} to {1}",
            "{1} should take care of {N} {0}",
            "let {1} handle {N} {0}",
            "give {N} {0} to {1}",
            "{1} is responsible for {N} {0} now",
            "make {1} the owner of {N} {0}",
            "hand {N} {0} over to {1}",
            "who has {N} {0}? Give it to {1}",
            "put {1} on {N} {0}",
        ),
    ),
    Action(
        "comment",
        ("comment", "add_comment", "comment_on", "reply", "annotate", "add_note_to"),
        ("Write a comment on a {n}.", "Adds a remark to a {n}", "Leave a note on a {n}."),
        (_ID, _text("text comment body message remark", "message", "What to write", "The words of the remark")),
        (
            'comment on {N} {0}: "{1}"',
            'add the comment "{1}" to {N} {0}',
            'leave a remark on {N} {0} saying "{1}"',
            'write "{1}" under {N} {0}',
            "tell them on {N} {0} that {1}",
            "note on {N} {0}: {1}",
            'reply to {N} {0} with "{1}"',
        ),
    ),
    Action(
        "approve",
        ("approve", "accept", "confirm", "sign_off"),
        ("Approve a {n}.", "Gives the green light for a {n}", "Accept a {n} that waits for a decision."),
        (_ID,),
        (
            "approve {N} {0}",
            "{N} {0} is fine with me, let it pass",
            "I agree with {N} {0}",
            "say yes to {N} {0}",
            "green light for {N} {0}",
            "accept {N} {0}",
            "give my ok for {N} {0}",
            "{N} {0} gets my approval",
        ),
    ),
    Action(
        "reject",
        ("reject", "decline", "refuse", "deny", "turn_down"),
        ("Reject a {n}.", "Decline a {n} and say why", "Turns a {n} down"),
        (_ID, _text("reason why note explanation", "message", "Why it is turned down", required=False)),
        (
            "reject {N} {0}",
            "say no to {N} {0}",
            "turn {N} {0} down<, reason: {1}>",
            "I do not agree with {N} {0}",
            'decline {N} {0}< because "{1}">',
            "refuse {N} {0}<: {1}>",
            'no for {N} {0}< with the reason "{1}">',
            "{N} {0} must not pass",
        ),
    ),
    Action(
        "archive",
        ("archive", "put_away", "move_to_archive", "store"),
        ("Archive a {n}.", "Moves a {n} to the archive", "Put a {n} away without losing it."),
        (_ID,),
        (
            "archive {N} {0}",
            "put {N} {0} into the archive",
            "file {N} {0} away",
            "move {N} {0} to the archive",
            "{N} {0} belongs into the archive",
            "keep {N} {0}, but put it away in the archive",
        ),
    ),
    Action(
        "restore",
        ("restore", "undelete", "recover", "bring_back"),
        ("Restore a deleted {n}.", "Brings a {n} back", "Undo the deletion of a {n}."),
        (_ID,),
        (
            "restore {N} {0}",
            "bring {N} {0} back",
            "I deleted {N} {0} by accident, undo that",
            "can you recover {N} {0}",
            "I want {N} {0} back",
            "undelete {N} {0}",
            "get {N} {0} out of the bin again",
        ),
    ),
    Action(
        "close",
        ("close", "finish", "complete", "resolve", "mark_done"),
        ("Close a {n}.", "Marks a {n} as done", "Set a {n} to finished."),
        (_ID,),
        (
            "close {N} {0}",
            "{N} {0} is done",
            "mark {N} {0} as finished",
            "we are through with {N} {0}, close it",
            "{N} {0} is complete",
            "tick off {N} {0}",
            "set {N} {0} to done",
            "I have finished {N} {0}",
        ),
    ),
    Action(
        "reopen",
        ("reopen", "open_again", "reactivate"),
        ("Reopen a closed {n}.", "Makes a finished {n} active again", "Open a {n} once more."),
        (_ID,),
        (
            "reopen {N} {0}",
            "{N} {0} is not finished after all",
            "open {N} {0} again",
            "{N} {0} has to be active again",
            "the problem with {N} {0} is back, open it once more",
        ),
    ),
    Action(
        "status",
        ("get_status", "check_status", "status_of", "get_state", "check"),
        ("Get the status of a {n}.", "In what state a {n} is", "Check how far a {n} is."),
        (_ID,),
        (
            "how far is {N} {0}",
            "what is the status of {N} {0}",
            "is {N} {0} done yet",
            "what state is {N} {0} in",
            "any progress with {N} {0}",
            "has {N} {0} been finished",
            "how is it going with {N} {0}",
            "where do we stand with {N} {0}",
        ),
    ),
    Action(
        "set_status",
        ("set_status", "update_status", "change_state", "set_state", "change_status"),
        ("Set the status of a {n}.", "Changes the state of a {n}", "Put a {n} into another state."),
        (
            _ID,
            _text(
                "status state new_status",
                "enum:open=open;closed=closed;pending=pending;blocked=blocked;active=active;done=done",
                "The state afterwards",
                "One of the allowed states",
            ),
        ),
        (
            "set {N} {0} to {1}",
            "change the status of {N} {0} to {1}",
            "{N} {0} is {1} now",
            "put {N} {0} on {1}",
            "the state of {N} {0} should be {1}",
            "mark {N} {0} as {1}",
        ),
    ),
    Action(
        "priority",
        ("set_priority", "prioritize", "change_priority", "set_urgency"),
        ("Set the priority of a {n}.", "Says how urgent a {n} is", "Change the urgency of a {n}."),
        (
            _ID,
            _text(
                "priority urgency level prio",
                "enum:low=low,not urgent;medium=medium,normal;high=high,urgent",
                "How urgent it is",
                "one of the levels",
            ),
        ),
        (
            "{N} {0} is {1}",
            "set the priority of {N} {0} to {1}",
            "give {N} {0} {1} priority",
            "{N} {0} has {1} priority",
            "make {N} {0} {1}",
            "the urgency of {N} {0} should be {1}",
            "{N} {0} can wait{1=low}",
            "{N} {0} cannot wait{1=high}",
        ),
    ),
    Action(
        "share",
        ("share", "share_with", "give_access", "invite_to"),
        ("Share a {n} with somebody.", "Lets another person see a {n}", "Give a person access to a {n}."),
        (
            _ID,
            _text("email user with recipient address", "email", "Who may see it", "Address of the other person"),
            _text("can_edit write editable", "bool", "Whether they may change it", required=False),
        ),
        (
            "share {N} {0} with {1}<, they may edit it{2=true}>",
            "let {1} see {N} {0}",
            "give {1} access to {N} {0}",
            "{1} wants to see {N} {0}, allow it",
            "{1} should be able to open {N} {0}",
            "let {1} change {N} {0} too{2=true}",
            "share {N} {0} with {1}, but read only{2=false}",
        ),
    ),
    Action(
        "send",
        ("send", "email", "forward", "mail", "deliver"),
        ("Send a {n} by mail.", "Mails a {n} to an address", "Forward a {n} to somebody."),
        (_ID, _text("to recipient email address receiver", "email", "Where to send it", "Who gets it")),
        (
            "send {N} {0} to {1}",
            "mail {N} {0} to {1}",
            "{1} needs a copy of {N} {0} by mail",
            "forward {N} {0} to {1}",
            "email {N} {0} to {1}",
            "{1} has not got {N} {0} yet, send it",
        ),
    ),
    Action(
        "copy",
        ("copy", "duplicate", "clone"),
        ("Copy a {n}.", "Makes a duplicate of a {n}", "Clone an existing {n}."),
        (_ID,),
        (
            "copy {N} {0}",
            "make a duplicate of {N} {0}",
            "I need the same {N} as {0} once more",
            "clone {N} {0}",
            "duplicate {N} {0}",
            "make a second one like {N} {0}",
        ),
    ),
    Action(
        "move",
        ("move", "relocate", "transfer", "move_to"),
        ("Move a {n} to another place.", "Transfers a {n}", "Put a {n} into a folder."),
        (_ID, _text("target folder destination to place", "word", "Where it goes", "The place afterwards")),
        (
            "move {N} {0} to {1}",
            "put {N} {0} into {1}",
            "{N} {0} belongs in {1}",
            "transfer {N} {0} to {1}",
            "take {N} {0} over to {1}",
        ),
    ),
    Action(
        "count",
        ("count", "number_of", "get_count", "total"),
        ("Count the {ns}.", "How many {ns} there are", "Returns the number of {ns}."),
        (),
        (
            "how many {Ns} are there",
            "how many {Ns} do we have",
            "count the {Ns}",
            "what is the number of {Ns}",
            "tell me how many {Ns} exist",
            "the total of {Ns} please",
        ),
    ),
    Action(
        "export",
        ("export", "save_as", "download", "export_as"),
        ("Export a {n} as a file.", "Save a {n} in a file format", "Download a {n}."),
        (
            _ID,
            _text(
                "format type file_type",
                "enum:pdf=pdf,PDF;csv=csv,CSV;xlsx=xlsx,Excel;html=html,HTML",
                "The kind of file",
                "File format",
            ),
        ),
        (
            "export {N} {0} as {1}",
            "I need {N} {0} as a {1} file",
            "save {N} {0} as {1}",
            "download {N} {0} in {1} format",
            "give me {N} {0} as {1}",
            "can I have {N} {0} in {1}",
            "make a {1} of {N} {0}",
        ),
    ),
    Action(
        "print",
        ("print", "print_out", "hardcopy"),
        ("Print a {n}.", "Puts a {n} on paper", "Send a {n} to the printer."),
        (_ID, _text("copies count number_of_copies times", "small", "How often", "Number of sheets", required=False)),
        (
            "print {N} {0}<, {1} copies>",
            "I need {N} {0} on paper< {1} times>",
            "put {N} {0} on paper",
            "print {1} copies of {N} {0}",
            "send {N} {0} to the printer",
        ),
    ),
    Action(
        "schedule",
        ("schedule", "plan", "set_date", "set_due_date", "postpone"),
        ("Schedule a {n} for a day.", "Plans a {n}", "Set the day on which a {n} is due."),
        (_ID, _text("date day due when due_date", "day", "The day it is due", "On which day")),
        (
            "schedule {N} {0} for {1}",
            "plan {N} {0} for {1}",
            "{N} {0} is due on {1}",
            "put {N} {0} on {1}",
            "{N} {0} should happen on {1}",
            "move {N} {0} to the date {1}",
            "{1} is the day for {N} {0}",
        ),
    ),
    Action(
        "cancel",
        ("cancel", "call_off", "abort"),
        ("Cancel a {n}.", "Calls a {n} off", "Stop a {n} that was planned."),
        (_ID,),
        (
            "cancel {N} {0}",
            "call {N} {0} off",
            "{N} {0} will not take place",
            "abort {N} {0}",
            "I have changed my mind, cancel {N} {0}",
            "{N} {0} is off",
        ),
    ),
    Action(
        "tag",
        ("tag", "label", "add_tag", "add_label"),
        ("Add a tag to a {n}.", "Labels a {n}", "Put a label on a {n}."),
        (_ID, _text("tag label name keyword", "word", "The word to put on it", "Label")),
        (
            "tag {N} {0} with {1}",
            'put the label "{1}" on {N} {0}',
            "label {N} {0} as {1}",
            "add the tag {1} to {N} {0}",
            "{N} {0} gets the label {1}",
        ),
    ),
    Action(
        "rate",
        ("rate", "give_stars", "score", "add_rating", "review"),
        ("Rate a {n} with stars.", "Give a {n} a number of points", "Says how good a {n} is."),
        (_ID, _text("stars rating points score", "small", "How good it is", "From 1 to 10")),
        (
            "give {N} {0} {1} stars",
            "rate {N} {0} with {1}",
            "{N} {0} deserves {1} points",
            "{1} stars for {N} {0}",
            "my rating for {N} {0} is {1}",
            "I think {N} {0} is worth {1} stars",
        ),
    ),
    Action(
        "lock",
        ("lock", "freeze", "protect", "block"),
        ("Lock a {n}.", "Nobody can change the {n} afterwards", "Protect a {n} against changes."),
        (_ID,),
        (
            "lock {N} {0}",
            "nobody may change {N} {0} from now on",
            "freeze {N} {0}",
            "protect {N} {0}",
            "make sure that {N} {0} stays as it is",
            "block {N} {0}",
        ),
    ),
    Action(
        "unlock",
        ("unlock", "unfreeze", "release", "unblock"),
        ("Unlock a {n}.", "Makes a locked {n} free again", "Allow changes of a {n} again."),
        (_ID,),
        (
            "unlock {N} {0}",
            "{N} {0} is locked, free it",
            "people must be able to change {N} {0} again",
            "release {N} {0}",
            "unblock {N} {0}",
        ),
    ),
    Action(
        "start",
        ("start", "run", "launch", "trigger", "begin"),
        ("Start a {n}.", "Sets a {n} going", "Launch a {n}."),
        (_ID,),
        (
            "start {N} {0}",
            "get {N} {0} going",
            "launch {N} {0}",
            "run {N} {0}",
            "{N} {0} may begin",
            "kick off {N} {0}",
        ),
    ),
    Action(
        "stop",
        ("stop", "halt", "pause", "end", "terminate"),
        ("Stop a {n}.", "Brings a running {n} to an end", "Halt a {n}."),
        (_ID,),
        (
            "stop {N} {0}",
            "{N} {0} has to end now",
            "bring {N} {0} to a halt",
            "halt {N} {0}",
            "{N} {0} must not run any longer",
            "end {N} {0}",
        ),
    ),
    Action(
        "history",
        ("get_history", "history_of", "changes", "audit", "list_changes"),
        ("Get the history of a {n}.", "Who changed a {n} and when", "Lists all changes of a {n}."),
        (_ID,),
        (
            "who changed {N} {0}",
            "show the history of {N} {0}",
            "what has happened to {N} {0} so far",
            "when was {N} {0} changed",
            "which changes were made to {N} {0}",
            "all changes of {N} {0} please",
        ),
    ),
    Action(
        "set_field",
        ("update", "edit", "change", "modify", "set_field"),
        ("Update a field of a {n}.", "Changes one value of a {n}", "Edit the data of a {n}."),
        (
            _ID,
            _text("field key attribute property column", "field", "What is changed", "Name of the field"),
            _text("value new_value to content", "word", "What it is set to", "The value afterwards"),
        ),
        (
            "set the {1} of {N} {0} to {2}",
            "change {1} of {N} {0} to {2}",
            "{N} {0} has a new {1}: {2}",
            "the {1} of {N} {0} should be {2}",
            "update {N} {0}, {1} is {2}",
            "in {N} {0} write {2} as the {1}",
        ),
    ),
)
APART = frozenset(
    frozenset(pair.split())
    for pair in (
        "close set_status",
        "reopen set_status",
        "approve set_status",
        "archive move",
        "archive restore",
        "stop close",
        "rename set_field",
        "reopen restore",
        "reopen start",
        "cancel stop",
        "send share",
        "lock set_status",
        "start create",
        "priority set_status",
        "schedule set_status",
    )
)  # actions that people do not tell apart when they ask: never offered together for one kind of record

RECORDS: dict[str, tuple[str, ...]] = {
    "invoice": ("bill", "invoice"),
    "ticket": ("ticket", "support request", "case"),
    "order": ("order", "purchase"),
    "customer": ("customer", "client"),
    "user": ("user", "account holder", "user"),
    "product": ("product", "article", "item"),
    "task": ("task", "todo", "job"),
    "project": ("project",),
    "document": ("document", "paper", "doc"),
    "file": ("file",),
    "report": ("report",),
    "contact": ("contact", "person in my address book"),
    "meeting": ("meeting", "appointment"),
    "event": ("event",),
    "employee": ("employee", "worker", "staff member"),
    "contract": ("contract", "agreement"),
    "payment": ("payment",),
    "booking": ("booking", "reservation"),
    "shipment": ("shipment", "delivery", "parcel"),
    "issue": ("issue", "bug"),
    "pull_request": ("pull request", "PR"),
    "branch": ("branch",),
    "repository": ("repository", "repo"),
    "deployment": ("deployment", "rollout"),
    "server": ("server", "machine"),
    "container": ("container",),
    "database": ("database", "DB"),
    "table": ("table",),
    "backup": ("backup",),
    "job": ("job",),
    "workflow": ("workflow", "flow"),
    "playlist": ("playlist",),
    "song": ("song", "track"),
    "album": ("album", "record"),
    "photo": ("photo", "picture", "image"),
    "video": ("video", "clip"),
    "post": ("post", "entry"),
    "article": ("article",),
    "page": ("page",),
    "comment": ("comment", "remark"),
    "message": ("message",),
    "channel": ("channel", "room"),
    "group": ("group",),
    "team": ("team",),
    "role": ("role",),
    "course": ("course", "class"),
    "student": ("student", "pupil"),
    "exam": ("exam", "test"),
    "book": ("book",),
    "recipe": ("recipe", "dish"),
    "menu": ("menu",),
    "device": ("device", "gadget"),
    "sensor": ("sensor",),
    "alarm": ("alarm", "alert"),
    "reminder": ("reminder",),
    "note": ("note", "memo"),
    "calendar": ("calendar",),
    "subscription": ("subscription", "plan"),
    "coupon": ("coupon", "voucher"),
    "warehouse": ("warehouse", "store"),
    "supplier": ("supplier", "vendor"),
    "vehicle": ("vehicle", "car"),
    "trip": ("trip", "journey"),
    "flight": ("flight",),
    "room": ("room",),
    "patient": ("patient",),
    "prescription": ("prescription",),
    "policy": ("policy",),
    "claim": ("claim",),
    "lead": ("lead", "prospect"),
    "deal": ("deal", "opportunity"),
    "campaign": ("campaign",),
    "survey": ("survey", "questionnaire"),
    "form": ("form",),
    "template": ("template",),
    "dashboard": ("dashboard",),
    "chart": ("chart", "diagram"),
    "dataset": ("dataset", "data set"),
    "model": ("model",),
    "experiment": ("experiment",),
    "sample": ("sample",),
    "asset": ("asset",),
    "license": ("license", "licence"),
    "certificate": ("certificate",),
    "secret": ("secret",),
    "api_key": ("API key", "key"),
    "webhook": ("webhook", "hook"),
    "endpoint": ("endpoint",),
    "domain": ("domain",),
    "game": ("game",),
    "match": ("match",),
    "player": ("player",),
    "budget": ("budget",),
    "expense": ("expense", "cost"),
    "transaction": ("transaction",),
    "account": ("account",),
    "card": ("card",),
    "loan": ("loan", "credit"),
    "property": ("property", "house"),
    "tenant": ("tenant",),
    "complaint": ("complaint",),
    "feedback_entry": ("feedback", "opinion"),
    "quote": ("quote", "offer"),
    "proposal": ("proposal",),
    "request": ("request",),
    "application": ("application",),
    "candidate": ("candidate", "applicant"),
    "shift": ("shift",),
    "recording": ("recording",),
    "episode": ("episode",),
    "plugin": ("plugin", "extension"),
    "rule": ("rule",),
    "query": ("query",),
    "folder": ("folder", "directory"),
    "ledger": ("ledger",),
    "machine": ("machine",),
    "printer": ("printer",),
    "plant": ("plant",),
    "pet": ("pet", "animal"),
    "member": ("member",),
    "donation": ("donation", "gift"),
    "parcel": ("parcel", "package"),
}


OPAQUE = (
    "a b c d e f",
    "x y z u v w",
    "arg1 arg2 arg3 arg4 arg5 arg6",
    "arg0 arg1 arg2 arg3 arg4 arg5",
    "value1 value2 value3 value4 value5 value6",
    "p1 p2 p3 p4 p5 p6",
    "param_a param_b param_c param_d param_e param_f",
    "input_1 input_2 input_3 input_4 input_5 input_6",
)  # names that say nothing: only the description tells what goes where

BEFORE = (
    "I am in a hurry. ",
    "My colleague just called. ",
    "Good morning! ",
    "Hi there, ",
    "One more thing: ",
    "Ok, next: ",
    "Hello, ",
    "For the monthly meeting: ",
    "My boss wants this: ",
    "Sorry to bother you. ",
    "Could you help me? ",
    "I hope you can help. ",
    "Quick one: ",
    "As we said yesterday, ",
    "Before I forget: ",
    "It is late, but ",
    "Thanks for that. Now ",
    "Listen, ",
    "So, ",
    "Alright, ",
    "Please, ",
    "Could you please do this: ",
    "I need your help: ",
    "Be so kind: ",
    "Hey, ",
    "When you have a minute: ",
    "This is important. ",
)
AFTER = (
    ", please",
    " please",
    ", thanks",
    ". Thanks!",
    ". Thank you",
    " if you can",
    ", would you",
    ", will you",
    " for me",
    " right away",
    " now",
    ". It is urgent",
    ", ok",
)


NAMED_ASKS = (
    "{w} {args}",
    "{d} {args}",
    "please {d}: {args}",
    "can you {d} with {args}",
    "I need {w} for {args}",
    "{args}: {w}",
    "do the {w} with {args}",
    "{w}, {args} please",
    "I want you to {d} ({args})",
    "time for {w}, {args}",
    "{d}, {args}",
    "could you {d} for {args}",
    "with {args}, {d}",
    "what about {w} for {args}",
    "it is about {w}, {args}",
    "we want {w}: {args}",
    "how about {w} with {args}",
    "is there {w} for {args}",
    "give me {w} of {args}",
    "let us {d} with {args}",
    "my {w} is {args}",
)  # {w}: words of the tool's name, {d}: of its description
SOUP_DESCRIPTIONS = (
    "{0} {1} of {2}.",
    "Tool for {0} and {1}",
    "{0} the {1}",
    "Use it to {0} {1} and {2}.",
    "{0} {1} {2}",
    "Anything with {0} or {1}",
    "Returns {0} for a {1}.",
    "{0} of the {1} {2} in {3}.",
    "Can {0} some {1} by {2}",
    "{0}: {1}, {2}, {3}.",
    "Everything on {0} when {1} is {2}.",
)
SOUP_ASKS = (
    "I need the {k} {args}",
    "{k} {args}",
    "what about {k}, {args}",
    "{k} please, {args}",
    "could somebody {k} {args}",
    "is there a {k} for {args}",
    "my {k} has {args}",
    "we should {k} with {args}",
    "{args}: how is the {k}",
    "can you do something about {k} for {args}",
    "when will {k} come, {args}",
    "tell me about the {k} of {args}",
    "for {args} I want {k}",
    "do I have {k} with {args}",
    "it is {k} time, {args}",
    "the boss asks for {k}, {args}",
    "who has {k}? {args}",
    "never mind the rest, {k} is what I want: {args}",
    "show {k} and take {args}",
    "{args}, and then {k}",
)


def plural(noun: str) -> str:
    """The usual plural of a noun."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun + "s"
