// Package views is every page: for each noun one .templ with its markup, and
// beside it the structs that the markup is made of. A page knows what its viewer
// may do by asking, and nothing of how it came to be shown.
package views

import (
	"strconv"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/ui"
)

// Page is what every page has.
type Page struct {
	Title      string  // translated, without the product's name
	Here       string  // the current entry of the navigation: "services", "history", "support" or "profile"
	Viewer     Viewer  // zero when signed out
	Flashes    []Flash // what the last request did
	Submission string  // hidden field of every form of this page
	Path       string  // path and query of this page, for next fields
	Theme      string  // "system", "light" or "dark"
	Density    string  // "compact", or "" for the usual height of rows
	Refused    bool    // a refused form: the title begins with "Error:"
	Acting     *Acting // nil unless an agent acts, or asks to
	Zone       string  // that of the customer for whom an agent acts, where it is not the agent's; else ""
}

// Viewer is the person signed in.
type Viewer struct {
	Identifier string
	Name       string
	Agent      bool // of the support staff
}

// idle is for how many seconds their session lasts unused, as text.
func (v Viewer) idle() string {
	limit := models.IdleFor
	if v.Agent {
		limit = models.AgentIdleFor
	}
	return strconv.Itoa(int(limit.Seconds()))
}

// A Flash says on the next page what a request did. Its action, if it has one,
// is a form that posts the page's submission to ActionPath, with ActionFields:
// they have passed through the reader's hands, and are decided anew.
type Flash struct {
	Tone         string // a ui.Tone: "ok", "warn", "crit" or ""
	Text         string
	ActionLabel  string
	ActionPath   string
	ActionFields []ui.Hidden
}

// ServiceHead is what the pages of one service have in common.
type ServiceHead struct {
	Domain string     // as people read it, not its A-label
	Path   string     // of the service's first page
	Tabs   []ui.Tab   // those the viewer may see
	Crumbs []ui.Crumb // below the service; none on the page of a tab
	Shared *Shared    // nil if the viewer owns the service

	Suspended bool // by the operator: nothing can be changed
}

// Shared is how the viewer came by something that belongs to another.
type Shared struct {
	By         string // identifier of who gave it
	Since      time.Time
	Until      time.Time // zero if it has no end
	ResignPath string    // where "Stop managing" posts to; empty if there is no one grant to resign
}
