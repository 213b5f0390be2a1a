"""The parts of `--help` that Click does not generate: examples, exit codes and where values come from."""

from __future__ import annotations

from private_files.settings import DEFAULT_OUTPUTS, variable

FILES = """
examples:
  private-files files
  private-files files --json
  private-files files --outputs cdk-outputs.json --username me@example.com
  AWS_PROFILE=work private-files files --outputs cdk-outputs.json --auth iam
"""
FILES_MORE = """
names:
  Control characters are printed as escapes such as \\x1b, on a terminal also marks that reverse text; --json has the
  exact names.
"""
LS = """
examples:
  private-files ls
  private-files ls pictures/
  private-files ls 'pictures/**/*.svg'
  private-files ls --prefix pictures/ --recursive --json | jq -s 'map(.size) | add'

what is printed:
  Time (UTC), size in bytes and name of each file, and the folders; with --json, an object per line with `file`, `size`
  and `lastModified`, or with `folder`. Names are printed as by `private-files files`.
"""
PATTERNS = """
patterns:
  Put them in quotes, or the shell replaces them. * matches any characters and ? one character, but not a slash; **
  matches any characters, and **/ any folders or none; [abc], [a-z] and [!abc] match one character. If there is a file
  whose name is the pattern itself, only that file is meant. A name that ends with a slash is a folder.

  --exclude PATTERN without a slash leaves out files and folders of that name in every folder. Files that you name are
  never left out.
"""
ACCESS = """
examples:
  private-files access
  private-files access --username me@example.com --json
"""
URL = """
examples:
  private-files url report.pdf
  private-files url report.pdf letter.pdf --expires-in 2h
  private-files url draft-7.pdf --save-as report.pdf
  private-files url 'pictures/*.svg' --json
  private-files url -- -starts-with-a-dash.txt
  curl "$(private-files url report.pdf)" --output report.pdf

files that do not exist:
  A URL does not prove that a file exists, so the API is asked for it, up to 50 names in a request. Standard error names
  the files that do not exist; the URLs of the others are printed, in order.
"""
GET = """
examples:
  private-files get report.pdf
  private-files get report.pdf -o latest.pdf
  private-files get photos/ -o backup/
  private-files get 'photos/**/*.jpg' --dry-run
  private-files get backup.tar -o - | tar -x
  private-files get --all --json | jq -r .path
  private-files files | grep '[.]pdf$' | xargs -d '\\n' private-files get
"""
GET_MORE = """
files that exist:
  A download that was stopped is resumed, or starts over if the file has changed. Until it is complete, it is a hidden
  file next to its destination. A file of the same size and time is skipped; any other is replaced only with --force.

what is written:
  Only files that were requested, and only below the destination: a symbolic link must not lead outside of it. Hidden
  files (a segment of the name starts with a dot) that were not named need -o and a folder other than your home. With
  -o -, one file is written to standard output; if the connection breaks, it is resumed.
"""
PLAY = """
examples:
  private-files play films/holiday/master.m3u8
  private-files play films/holiday/master.m3u8 --player vlc
  private-files play holiday.mp4 --url

how it works:
  The player gets an address on this machine with a random path. There, the playlists of the film are served with
  addresses of the same kind, and each other file is a redirect to a URL that has just been signed. Access rules apply
  to every file. A playlist that names another origin is refused.

the player:
  The first that is found: ffplay, mpv, VLC. Its exit code is that of the command.
"""
PUT = """
examples:
  private-files put report.pdf
  private-files put *.jpg --prefix photos/2026/
  private-files put draft-7.pdf --as report.pdf
  private-files put photos --dry-run
  private-files put photos --update --exclude '*.tmp' --exclude .git
  tar -c folder | private-files put - backup.tar
  private-files put report.pdf --auth cognito --force
"""
PUT_MORE = """
folders:
  All files in a folder are uploaded, hidden ones too, with its name in theirs: photos/a.jpg. Symbolic links in it and
  empty folders are not; standard error names them. To leave the name of the folder out, name it as `.`.

files that have not changed (--update):
  A file is left out if one of its name and size was uploaded after its last change. Any other replaces the old one.

standard input (-):
  It is saved in a temporary file until it ends; only then is anything sent.

through the API (--auth, or without AWS credentials):
  The stack must be deployed with uploads=on. Existing files are replaced only with --force. An upload of more than
  16 MiB that was stopped is resumed: run the command again.

credentials:
  Without --auth, uploads use the AWS credentials that boto3 finds, or the API if there are none and a user is signed
  in with `private-files login`. Permissions of the credentials: s3:PutObject, s3:AbortMultipartUpload,
  kms:GenerateDataKey and kms:Decrypt; s3:GetObject and s3:ListBucket to distinguish new files from replaced ones. The
  bucket keeps replaced versions.

headers:
  The content type depends on the name; texts in UTF-8 say so. With Cache-Control: max-age=60, a replaced file opens
  with its new content after a minute.
"""
RM = """
examples:
  private-files rm report.pdf
  private-files rm photos/a.jpg photos/b.jpg --json
  private-files rm 'photos/*.tmp' --dry-run
  private-files rm --recursive photos/ --yes

confirmation:
  If a pattern or --recursive selects the files, the program asks before it deletes them. Without a terminal, --yes is
  necessary. That a file was deleted does not mean that there was one.
"""
USE = """
examples:
  private-files use outputs.json
  private-files use cdk-outputs.json --stack PrivateFiles
  private-files use

what is remembered:
  The path of the file and the name of the stack, and nothing from the file, in $XDG_CONFIG_HOME/private-files (or
  ~/.config/private-files; on macOS, ~/Library/Application Support/private-files). --outputs, its environment variable,
  another API and the default file of the current folder take precedence.

exit codes:
  0  success
  2  wrong usage, or a file cannot be used
"""
LOGIN = """
examples:
  private-files login --username me@example.com
  private-files login
  private-files login --set-up-authenticator
  oathtool --totp --base32 "$SECRET" | private-files login --username me@example.com --code -
"""
LOGIN_MORE = f"""
the session:
  It is saved in $XDG_CACHE_HOME/private-files (or ~/.cache/private-files), readable only by you, and ends when the
  refresh token expires, after a day, or with `private-files logout`. Until then, commands need no password and no
  --username. The password is read from {variable("password")}, or prompted for without echo; the new
  password of a first sign-in is read from {variable("new_password")}, or prompted for.

second factors:
  The code of an authenticator app, or one that Cognito sends, is prompted for, or given with --code. If the pool
  requires an authenticator app, the first sign-in sets it up; --set-up-authenticator does so at any time.
"""
RESET = """
examples:
  private-files reset-password --username me@example.com
  private-files reset-password --username me@example.com --code 123456
"""
RESET_MORE = f"""
the code:
  Without --code, Cognito sends a code by e-mail, and the command prompts for it. With --code, nothing is sent: use the
  code that you have. The new password is read from {variable("new_password")}, or prompted for without echo.
"""
LOGOUT = """
examples:
  private-files logout
  private-files logout --username me@example.com
"""
COMPLETION = """
examples:
  eval "$(private-files completion bash)"
  private-files completion zsh > ~/.private-files.zsh  # and in ~/.zshrc: source ~/.private-files.zsh
  private-files completion fish > ~/.config/fish/completions/private-files.fish

exit codes:
  0  printed
  2  wrong usage
"""
EXPLAIN = """
examples:
  private-files explain 'https://…?Expires=…&Signature=…&Key-Pair-Id=…'
  private-files url report.pdf | private-files explain -
  private-files explain --json --public-key public.pem - < url.txt
"""
EXPLAIN_MORE = f"""
keys:
  The keys in the key group of the stack in --outputs (default: {DEFAULT_OUTPUTS}), read from CloudFront with the
  AWS credentials that boto3 finds (cloudfront:GetKeyGroup, cloudfront:GetPublicKey). With --public-key, only that key
  is used, without any request. The URL itself is never requested.

exit codes:
  0  the edge allows the URL
  1  the edge refuses the URL
  2  wrong usage, or a value is missing
  4  the signature was not checked, because there was no key; everything else is correct
"""
SETTINGS = f"""
settings:
  --outputs is the file that `make up` or `cdk deploy --outputs-file` wrote (default: {DEFAULT_OUTPUTS}, or else the
  file of `private-files use`). If it has several stacks, --stack chooses one.
  Every value in it can also be given as an option or an environment variable. Options take precedence over
  environment variables, and those over the file. The default file is not read if another API is given.
  It must belong to you, not be writable by other users, and have only addresses on this machine; it gets neither an
  API key, a password nor AWS credentials from the environment. Name it with --outputs to send them.
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are respected; requests to this machine never go through a proxy.
  Trusted certificates: --ca-bundle, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE.
"""
AUTH = f"""
authentication (--auth):
  api-key  the API key; the default if there is one
  cognito  a user; otherwise the default: the user who signed in with `private-files login`. Without a session, the
           password is read from {variable("password")}, or prompted for without echo.
           While `make up` runs, the default is the demo user in its outputs file.
  iam      the AWS credentials that boto3 finds; for `make up`, without --outputs, its root key
"""
EXIT_CODES = """
exit codes:
  0  success
  1  the API refused the request
  2  wrong usage, or a value is missing
  3  the caller was refused
  4  no server responded
"""
TRANSFER_EXIT_CODES = EXIT_CODES.rstrip("\n") + (
    "\n  5  some files could not be transferred; standard error lists them at the end\n"
)
_MATCH = "  6  no file has this name, or matches the pattern\n"
MATCH_EXIT_CODES = EXIT_CODES + _MATCH
ALL_EXIT_CODES = TRANSFER_EXIT_CODES + _MATCH
PLAY_EXIT_CODES = (
    EXIT_CODES + "  5  the playlist cannot be used\n" + _MATCH + "  otherwise that of the player; 0 after --url\n"
)
_EXAMPLES = (FILES, LS, ACCESS, URL, GET, PLAY, PUT, RM, USE, LOGIN)
ALL = (
    "\nexamples:"
    + "".join(text.replace("\nexamples:", "", 1).partition("\n\n")[0].rstrip("\n") for text in _EXAMPLES)
    + "\n\n  private-files COMMAND --help describes the command.\n"
    + SETTINGS
    + AUTH
    + ALL_EXIT_CODES
)
