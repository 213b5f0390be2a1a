// Compiles every module under a folder to the bytecode of Lambda's Python, whichever Python this machine has.
//
// Lambda's code folder is read-only, so what comes without bytecode is compiled again at every cold start. Bytecode does
// not depend on the machine, only on Python's minor version; this CPython is WebAssembly and pinned by package-lock.json.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { loadPyodide } from "pyodide";

const [folder, version] = process.argv.slice(2);
// Otherwise it reads its own path from a stack trace, which fails if the path has parentheses.
const python = await loadPyodide({ indexURL: dirname(fileURLToPath(import.meta.resolve("pyodide"))) });
python.mountNodeFS("/bundle", folder);
python.globals.set("version", version);
python.runPython(`
import compileall, platform
from py_compile import PycInvalidationMode

if not platform.python_version().startswith(version + "."):
    raise SystemExit(f"pyodide is Python {platform.python_version()}, and the functions run on {version}")
# Unchecked, because the archive that Lambda unpacks does not keep the times that a check would compare.
if not compileall.compile_dir(
    "/bundle", quiet=1, stripdir="/bundle", prependdir="/var/task", invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
):
    raise SystemExit("a module cannot be compiled")
`);
