"""``completion bash|zsh|fish``: the script that lets a shell ask ``dmr __complete`` what could come next."""

from argparse import Namespace

from dmr_desktop.cli.session import Session

_BASH = """\
# bash completion for dmr: source <(dmr completion bash)
_dmr() {
    local current="${COMP_WORDS[COMP_CWORD]}" line directive=4
    # A name like ai/smollm2:latest is one word, but bash may cut at the colon.
    local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local cword
        _get_comp_words_by_ref -n : current words cword
        words=("${words[@]:1:cword-1}")
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :[0-9]*) directive="${line#:}" ;;
            *) COMPREPLY+=("${line%%$'\\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete "${words[@]}" "$current" 2>/dev/null)
    if [ "$directive" = 0 ]; then
        local IFS=$'\\n'
        COMPREPLY+=($(compgen -f -- "$current"))
        compopt -o filenames
    fi
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "$current"
    fi
}
complete -F _dmr dmr
"""

_ZSH = """\
#compdef dmr
# zsh completion for dmr: dmr completion zsh > "${fpath[1]}/_dmr"
_dmr() {
    local line directive=4
    local -a found
    while IFS= read -r line; do
        case "$line" in
            :[0-9]*) directive="${line#:}" ;;
            *$'\\t'*) found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}") ;;
            *) found+=("${line//:/\\\\:}") ;;
        esac
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( ${#found} )) && _describe 'dmr' found
    [[ "$directive" == 0 ]] && _files
}
if [ "$funcstack[1]" = "_dmr" ]; then
    _dmr
else
    compdef _dmr dmr
fi
"""

_FISH = """\
# fish completion for dmr: dmr completion fish > ~/.config/fish/completions/dmr.fish
function __dmr_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':0'
                __fish_complete_path "$current"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c dmr -f -a '(__dmr_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion(session: Session, options: Namespace) -> int:
    session.terminal.data(_SCRIPTS[options.shell])
    return 0
