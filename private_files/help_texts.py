"""What `--help` says beside the flags."""

from __future__ import annotations

from private_files.settings import DEFAULT_OUTPUTS, variable

DESCRIPTION = (
    "Says which private files there are, downloads and uploads them, makes URLs that open them, and says why one does "
    "not."
)
FILES = """
examples:
  private-files files
  private-files files --json
  private-files files --outputs cdk-outputs.json --username me@example.com
  AWS_PROFILE=work private-files files --outputs cdk-outputs.json --auth iam
"""
URL = """
examples:
  private-files url report.pdf
  private-files url report.pdf --json
  private-files url -- -begins-with-a-dash.txt
  curl "$(private-files url report.pdf)" --output report.pdf
"""
GET = """
examples:
  private-files get report.pdf
  private-files get report.pdf -o latest.pdf
  private-files get --prefix photos/ -o backup/
  private-files get --all --json | jq -r .path
  private-files files | grep '[.]pdf$' | xargs -d '\\n' private-files get
"""
GET_MORE = """
what is there already:
  A download that was stopped goes on where it was; had the file changed meanwhile, from its beginning. Until it is
  whole, it lies in a hidden file beside its place. A file of the same size and time is left alone; any other is only
  replaced with --force.
"""
PUT = """
examples:
  private-files put report.pdf
  private-files put *.jpg --prefix photos/2026/
  private-files put draft-7.pdf --as report.pdf
"""
PUT_MORE = """
who uploads:
  The AWS credentials that boto3 finds (s3:PutObject and kms:GenerateDataKey; to tell new files from replaced ones,
  s3:GetObject and s3:ListBucket). The API is not asked. The bucket keeps the versions that are replaced.
"""
LOGIN = """
examples:
  private-files login --username me@example.com
  private-files login
"""
LOGIN_MORE = f"""
where the session is:
  In $XDG_CACHE_HOME/private-files (else ~/.cache/private-files), readable by nobody else. It ends when the refresh
  token does, after a day, or by `private-files logout`. The commands that follow need neither password nor --username.
  The password is read from {variable("--password")}, or asked for without echo; the new one, at the
  first sign-in, from {variable("--new-password")}.
"""
LOGOUT = """
examples:
  private-files logout
  private-files logout --username me@example.com
"""
COMPLETION = """
examples:
  eval "$(private-files completion bash)"
  private-files completion zsh > ~/.zfunc/_private-files

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
with which keys:
  Those in the key group of the stack that --outputs names (default: {DEFAULT_OUTPUTS}), read from CloudFront with
  the AWS credentials that boto3 finds (cloudfront:GetKeyGroup, cloudfront:GetPublicKey). With --public-key: that one,
  and nobody is asked. The URL itself is never requested.

exit codes:
  0  the edge lets it through
  1  the edge refuses it
  2  wrong usage, or a value is missing
  4  nothing speaks against it, but there was no key to check the signature with
"""
WHERE = f"""
where to ask:
  --outputs names the file that `make up` or `cdk deploy --outputs-file` wrote (default: {DEFAULT_OUTPUTS}).
  What the file holds can also be given by flag, or by an environment variable with the name of the flag:
  {variable("--graphql-url")} for --graphql-url. A flag wins over a variable, and that over the file.
  The default file is not read where a flag or a variable names another API.
"""
WHO = f"""
who asks (--auth):
  api-key  whoever has the key; the default where there is one
  cognito  a user; else the default: who is signed in by `private-files login`. Without a session, the password is in
           {variable("--password")}, or asked for without echo.
           While `make up` runs, its file names a demo user, who is the default.
  iam      the AWS credentials that boto3 finds; for `make up`: AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
"""
EXIT_CODES = """
exit codes:
  0  answered
  1  the API refused what was asked
  2  wrong usage, or a value is missing
  3  who asks was refused
  4  no answer
"""
TRANSFER_EXIT_CODES = EXIT_CODES.replace("0  answered", "0  every file is there") + (
    "  5  some files could not be transferred: standard error names them at the end; the others were\n"
)
