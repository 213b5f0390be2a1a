import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import { type Config, readConfig } from "./config.ts";
import { configure, currentUser, signOut } from "./session.ts";
import { TroubleBox } from "./TroubleBox.tsx";

const SignIn = lazy(() => import("./SignIn.tsx"));
const filesPage = import("./FilesPage.tsx"); // needed by everyone, so it is fetched beside the configuration
const FilesPage = lazy(() => filesPage);

/** Who may see the files: `null` until it is known, `undefined` where nobody signs in because an API key opens all. */
type User = { name: string | undefined } | "nobody" | null;

/** The way in: the configuration, then a session, then the files. */
export function App() {
  const [config, setConfig] = useState<Config | null>(null);
  const [user, setUser] = useState<User>(null);
  const [notice, setNotice] = useState("");
  const [thrown, setThrown] = useState<unknown>();

  const start = useCallback(async () => {
    setThrown(undefined);
    try {
      const found = await readConfig();
      configure(found);
      setConfig(found);
      const name = found.ApiKey ? undefined : await currentUser();
      setUser(name === null ? "nobody" : { name });
    } catch (error) {
      setThrown(error);
    }
  }, []);
  useEffect(() => void start(), [start]);

  const leave = useCallback(async (why: string) => {
    await signOut();
    setNotice(why);
    setUser("nobody");
  }, []);

  if (thrown) {
    return (
      <main className="alone">
        <TroubleBox thrown={thrown} retry={start} />
      </main>
    );
  }
  if (!config || !user) return <Waiting />;
  return (
    <Suspense fallback={<Waiting />}>
      {user === "nobody" ? (
        <SignIn config={config} notice={notice} onSignedIn={(name) => setUser({ name })} />
      ) : (
        <FilesPage user={user.name} onLeave={leave} />
      )}
    </Suspense>
  );
}

function Waiting() {
  return (
    <main className="alone" aria-busy="true">
      <p className="waiting" role="status">
        One moment …
      </p>
    </main>
  );
}
