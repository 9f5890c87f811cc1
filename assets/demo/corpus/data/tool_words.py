"""How programs describe tools and name parameters, whatever these do."""

from __future__ import annotations

SYNTH_DESCRIPTIONS = (
    "{Verb} the {noun}.",
    "{Verb} a {noun}{by}.",
    "{Verb} {noun}",
    "Tool to {verb} the {noun}{by}",
    "Use this to {verb} a {noun}.",
    "{Verb}s the {noun}",
    "Can {verb} {noun}s.",
    "A tool for {noun}s",
)  # {by}: what it goes by
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
PARAM_DESCRIPTIONS = ("The {spoken}", "the {name}", "{spoken}", "The {spoken} to use")
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
