import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { type Config, readConfig } from "./config.ts";
import { ErrorMessage } from "./ErrorMessage.tsx";
import { removeSignedUrl } from "./route.ts";
import { configure, currentUser, signOut } from "./session.ts";
import { Waiting } from "./Waiting.tsx";

const SignIn = lazy(() => import("./SignIn.tsx"));
const filesPage = import("./FilesPage.tsx"); // nearly always needed, so load it in parallel with the configuration
const FilesPage = lazy(() => filesPage);

/** The user: null until known; without a name if the page uses an API key instead of signing in. */
type User = { name: string | undefined } | "signed out" | null;

/** Load the configuration, sign the user in, and show the files. */
export function App() {
  const [config, setConfig] = useState<Config | null>(null);
  const [user, setUser] = useState<User>(null);
  const [notice, setNotice] = useState("");
  const [pasted, setPasted] = useState(removeSignedUrl);
  const [thrown, setThrown] = useState<unknown>();

  const start = useCallback(async () => {
    setThrown(undefined);
    try {
      const found = await readConfig();
      configure(found);
      setConfig(found);
      const name = found.ApiKey ? undefined : await currentUser();
      setUser(name === null ? "signed out" : { name });
    } catch (error) {
      setThrown(error);
    }
  }, []);
  useEffect(() => void start(), [start]);
  useEffect(() => {
    const check = () => removeSignedUrl() && setPasted(true);
    addEventListener("hashchange", check);
    return () => removeEventListener("hashchange", check);
  }, []);

  const leave = useCallback(async (reason: string) => {
    await signOut();
    setNotice(reason);
    setUser("signed out");
  }, []);

  if (thrown) {
    return (
      <main className="alone">
        <ErrorMessage thrown={thrown} retry={start} />
      </main>
    );
  }
  if (!config || !user) return <Waiting />;
  return (
    <Suspense fallback={<Waiting />}>
      {user === "signed out" ? (
        <SignIn config={config} notice={notice} onSignedIn={(name) => setUser({ name })} />
      ) : (
        <FilesPage user={user.name} uploadsUrl={config.UploadsUrl} pasted={pasted} onLeave={leave} />
      )}
    </Suspense>
  );
}
