package views

import (
	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// SessionsView is where somebody is signed in.
type SessionsView struct {
	Sessions []models.OpenSession
	Agent    bool // whose sessions end sooner, and who has no profile
	Proof    Proof
	Errors   Errors
}

func (v SessionsView) hint(l *locale.Locale) string {
	idle, most := models.IdleFor, models.SessionFor
	if v.Agent {
		idle, most = models.AgentIdleFor, models.AgentSessionFor
	}
	return l.T("session.list.hint", "Minutes", int(idle.Minutes()), "Hours", int(most.Hours()))
}

func (v SessionsView) crumbs(l *locale.Locale) []ui.Crumb {
	here := ui.Crumb{Label: l.T("session.list.title")}
	if v.Agent {
		return []ui.Crumb{here}
	}
	return []ui.Crumb{{Label: l.T("profile.title"), Path: ProfilePath}, here}
}

// others says that there is a session to end besides the one that looks.
func (v SessionsView) others() bool {
	for i := range v.Sessions {
		if !v.Sessions[i].Own {
			return true
		}
	}
	return false
}

// browserText is the browser of a session in words.
func browserText(l *locale.Locale, userAgent string) string {
	browser, system := browserOf(userAgent)
	if browser == "" {
		browser = l.T("session.list.browser")
	}
	if system == "" {
		return browser
	}
	return l.T("session.list.on", "Browser", browser, "System", system)
}

// sessionLines are where from and when, a line each.
func sessionLines(l *locale.Locale, s *models.OpenSession) []string {
	return []string{
		l.T("session.list.peer", "Address", s.Peer),
		l.T("session.list.since", "Since", l.DateTime(s.CreatedAt), "Seen", l.DateTime(s.SeenAt)),
		l.T("session.list.ends", "Date", l.DateTime(s.ExpiresAt)),
	}
}
