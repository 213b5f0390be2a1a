import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { GraphiqlPage } from "./GraphiqlPage.tsx";
import "graphiql/style.css";
import "./style.css";

createRoot(document.getElementById("page") as HTMLElement).render(
  <StrictMode>
    <GraphiqlPage />
  </StrictMode>,
);
