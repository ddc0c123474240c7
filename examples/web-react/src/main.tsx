import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter, Link, Route, Routes } from "react-router";

import { Bowl } from "./Bowl";
import { Checkout } from "./Checkout";
import { Home } from "./Home";
import { PageViews } from "./PageViews";
import { ThankYou } from "./ThankYou";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <BrowserRouter basename={new URL(document.baseURI).pathname}>
      <PageViews />
      <header>
        <Link className="brand" to="/">Kiln & Coast</Link>
        <nav><Link to="/bowl">The bowl</Link></nav>
      </header>
      <Routes>
        <Route path="/" element={<Home />} />
        <Route path="/bowl" element={<Bowl />} />
        <Route path="/checkout" element={<Checkout />} />
        <Route path="/thank-you" element={<ThankYou />} />
      </Routes>
    </BrowserRouter>
  </StrictMode>,
);
