package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"example.org/mandat/handlers"
)

type routesCommand struct {
	JSON bool `name:"json" help:"As a JSON array."`
}

// route is a route as scripts read it.
type route struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Class     string `json:"class"`               // public, self, holder, object, staff or lead
	Operation string `json:"operation,omitempty"` // the row of the permission table
	Object    string `json:"object,omitempty"`    // the kind of thing that the path names: service, account, grant, session, assistance, …
	Changes   bool   `json:"changes"`             // whether it changes anything
}

// Run lists the routes. It needs no database.
func (c *routesCommand) Run(p *program) error {
	var routes []route
	for _, r := range handlers.Routes() {
		routes = append(routes, route{
			Method: r.Method, Path: r.Path, Class: fmt.Sprint(r.Policy.Class), Operation: string(r.Policy.Operation),
			Object: objectOf(r.Path), Changes: r.Changes(),
		})
	}
	if c.JSON {
		e := json.NewEncoder(p.out)
		e.SetIndent("", "  ")
		return e.Encode(routes)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, r := range routes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Method, r.Path, r.Class, r.Operation)
	}
	return w.Flush()
}

// objectOf is the kind of the innermost object that a path names.
func objectOf(path string) string {
	switch {
	case strings.Contains(path, ":local"):
		return "account"
	case strings.Contains(path, ":domain"):
		return "service"
	case strings.HasPrefix(path, "/grants/:id"):
		return "grant"
	}
	for prefix, kind := range map[string]string{
		"/profile/sessions": "session", "/profile/factors": "factor", "/profile/devices": "device", "/profile/identities": "identity", "/profile/passkeys": "passkey",
		"/profile/support": "assistance", "/support/assistances": "assistance",
	} {
		if strings.HasPrefix(path, prefix+"/:id") {
			return kind
		}
	}
	return ""
}
