"""How people tell something to be remembered, and ask for it later."""

from __future__ import annotations

NAME_INTROS = (
    "my name is {0}",
    "I am {0}",
    "I'm {0}",
    "hi, my name is {0}",
    "hello, I am {0}",
    "call me {0}",
    "you can call me {0}",
    "hello, my name is {0}",
    "please remember that my name is {0}",
    "people call me {0}",
    "hi! I'm {0}",
    "{0} is my name",
    "remember my name: {0}",
    "~my name's {0}",
    "this is {0} speaking",
    "hey, I am {0}",
)

NAME_QUERIES = (
    "what is my name",
    "what's my name",
    "do you remember my name",
    "who am I",
    "~tell me my name",
    "do you know my name",
    "how am I called",
    "what did I say my name is",
    "can you tell me my name",
    "say my name",
    "what was my name",
    "which name did I tell you",
    "what is my name again",
    "remind me of my name",
)

NUMBER_INTROS = (
    "my number is {0}",
    "remember the number {0}",
    "my lucky number is {0}",
    "the number is {0}",
    "remember {0}",
    "~please remember the number {0}",
    "keep the number {0} in mind",
    "I give you the number {0}",
    "~my number: {0}",
    "store the number {0}",
    "I am thinking of the number {0}",
    "note the number {0}",
    "do not forget the number {0}",
)

NUMBER_QUERIES = (
    "what is my number",
    "which number did I give you",
    "what number did I tell you",
    "what is the number",
    "do you remember the number",
    "~tell me my number",
    "~what was the number",
    "what was my number",
    "the number please",
    "which number should you remember",
    "what's my number",
    "what number did I say",
    "can you tell me the number",
    "do you remember my number",
    "what is my lucky number",
    "what is the number I told you",
)

THING_INTROS = (
    "my {0} is {1}",
    "remember that my {0} is {1}",
    "please remember: my {0} is {1}",
    "my {0} is called {1}",
    "you should know that my {0} is {1}",
    "by the way, my {0} is {1}",
    "~note that my {0} is {1}",
)

THING_QUERIES = (
    "what is my {0}",
    "what's my {0}",
    "~do you remember my {0}",
    "tell me my {0}",
    "what was my {0}",
    "which {0} do I have",
    "do you know my {0}",
    "can you tell me my {0}",
)

SECRET_INTROS = (
    "the {0} is {1}",
    "~remember the {0} {1}",
    "please remember the {0}: {1}",
    "keep in mind that the {0} is {1}",
    "remember that the {0} is {1}",
    "note the {0}: {1}",
    "the {0} is {1}, do not forget it",
)

SECRET_QUERIES = (
    "what is the {0}",
    "what's the {0}",
    "do you remember the {0}",
    "tell me the {0}",
    "~what was the {0}",
    "can you tell me the {0}",
    "which {0} did I tell you",
    "the {0} please",
)

SECRETS = (
    "secret word",
    "code",
    "password",
    "secret code",
    "code word",
    "magic word",
    "secret",
    "keyword",
    "pin",
    "key",
)

THINGS = (
    "favourite colour",
    "favorite color",
    "dog",
    "cat",
    "city",
    "favourite food",
    "job",
    "age",
    "car",
    "favourite animal",
    "team",
    "project",
    "order number",
    "customer id",
    "account number",
    "street",
    "company",
    "favourite song",
    "user name",
    "favourite city",
    "phone number",
    "host name",
    "birthday",
    "horse",
    "boat",
)
