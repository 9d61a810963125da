package gallery

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// The emails, each as HTML and below it as plain text.
var notices = []Entry{
	{Name: "notices/given-service", Part: true, Component: notice(func(l *locale.Locale) []models.NoticePart {
		return []models.NoticePart{granted(models.NoticeGiven, policy.OnService, terms(l, policy.Password|policy.Forward, true))}
	})},
	{Name: "notices/given-account", Part: true, Component: notice(func(l *locale.Locale) []models.NoticePart {
		return []models.NoticePart{granted(models.NoticeGiven, policy.OnAccount, terms(l, policy.Password, false), "contact")}
	})},
	{Name: "notices/given-many-by-support", Part: true, Component: notice(func(l *locale.Locale) []models.NoticePart {
		var locals []string
		for i := range models.MaxNoticeLines {
			locals = append(locals, fmt.Sprintf("a%02d", i))
		}
		p := granted(models.NoticeGiven, policy.OnAccount, terms(l, policy.Password, true), locals...)
		p.Count, p.AgentPerson = 500, models.Person{Identifier: "sam-support", Name: "Sam"}
		return []models.NoticePart{p}
	})},
	{Name: "notices/given-hostile", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		p := granted(models.NoticeGiven, policy.OnAccount, &models.NoticeTerms{Note: "<script>alert(1)</script>\r\nBcc: all@else.example\n\n-- \nMandat"}, "contact")
		p.ByPerson.Name = "<b>Support</b>"
		return []models.NoticePart{p}
	})},
	{Name: "notices/changed", Part: true, Component: notice(func(l *locale.Locale) []models.NoticePart {
		p := granted(models.NoticeChanged, policy.OnAccount, terms(l, 0, false), "contact")
		p.Was = terms(l, policy.Password, true)
		return []models.NoticePart{p}
	})},
	{Name: "notices/restored", Part: true, Component: notice(func(l *locale.Locale) []models.NoticePart {
		return []models.NoticePart{granted(models.NoticeRestored, policy.OnAccount, terms(l, policy.Password, true), "accueil", "contact")}
	})},
	{Name: "notices/ending", Part: true, Component: notice(func(l *locale.Locale) []models.NoticePart {
		return []models.NoticePart{granted(models.NoticeEnding, policy.OnAccount, terms(l, 0, true), "contact")}
	})},
	{Name: "notices/ended-revoked", Part: true, Component: ended(models.EndedByRevoking, false)},
	{Name: "notices/ended-expired", Part: true, Component: ended(models.EndedByTime, false)},
	{Name: "notices/ended-object", Part: true, Component: ended(models.EndedWithObject, false)},
	{Name: "notices/ended-with-another", Part: true, Component: ended(models.EndedByRevoking, true)},
	{Name: "notices/resigned", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		p := granted(models.NoticeResigned, policy.OnService, nil)
		p.ByPerson = personBruno
		return []models.NoticePart{p}
	})},
	{Name: "notices/password", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{deeds(models.NoticePassword, models.NoticeDeed{Event: "account.password_set", Object: "contact@garrigue.example"})}
	})},
	{Name: "notices/forward", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		p := deeds(
			models.NoticeForward,
			models.NoticeDeed{Event: "filter.created", Object: "contact@garrigue.example", Target: "x@xn--bcher-kva.example"},
			models.NoticeDeed{Event: "redirection.created", Object: "*@garrigue.example", Target: "a@else.example, b@else.example"},
		)
		p.Beyond = 12
		return []models.NoticePart{p}
	})},
	{Name: "notices/support", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		p := deeds(models.NoticeSupport, models.NoticeDeed{Event: "grant.given", Object: "contact@garrigue.example", WhomPerson: personChloe})
		p.Domain, p.ByPerson, p.AgentPerson = "", personAlice, models.Person{Identifier: "sam-support", Name: "Sam"}
		return []models.NoticePart{p}
	})},
	{Name: "notices/assisting", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{assisted(models.NoticeAssisting, models.ByCode)}
	})},
	{Name: "notices/assisting-emergency", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{assisted(models.NoticeAssisting, models.ByEmergency)}
	})},
	{Name: "notices/assisted", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		p := assisted(models.NoticeAssisted, models.ByRequest)
		p.Deeds, p.Beyond = []models.NoticeDeed{{Event: "account.changed", Object: "contact@garrigue.example"}, {Event: "grant.given", Object: "rh@garrigue.example", WhomPerson: personChloe}}, 4
		p.Assistance.Changes, p.Assistance.Pages, p.Assistance.Why = 6, 12, models.AssistanceByHand
		return []models.NoticePart{p}
	})},
	{Name: "notices/assisted-nothing", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{assisted(models.NoticeAssisted, models.ByWindow)}
	})},
	{Name: "notices/digest", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{{Kind: models.NoticeDigest, At: Now, Digest: &models.Digest{Week: Now.AddDate(0, 0, -6), More: 3, Assistances: []models.Assistance{*endedOne(), *asked()}}}}
	})},
	{Name: "notices/digest-emergency", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		a := live()
		a.Consent, a.Approver = models.ByEmergency, "mia-support"
		return []models.NoticePart{{Kind: models.NoticeDigest, At: Now, Digest: &models.Digest{Assistances: []models.Assistance{*a}}}}
	})},
	{Name: "notices/security", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{deeds(models.NoticeSecurity, models.NoticeDeed{Event: "profile.contact_changed", Object: "cl1003-mdt", Target: "chloe@xn--bcher-kva.example"})}
	})},
	{Name: "notices/security-several", Part: true, Component: notice(func(*locale.Locale) []models.NoticePart {
		return []models.NoticePart{deeds(
			models.NoticeSecurity,
			models.NoticeDeed{Event: "profile.password_reset", Object: "cl1003-mdt"},
			models.NoticeDeed{Event: "profile.password_set", Object: "cl1003-mdt"},
			models.NoticeDeed{Event: "profile.contact_asked", Object: "cl1003-mdt", Target: "chloe@else.example"},
		)}
	})},
	{Name: "notices/security-staff", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component {
		return noticeOf(l, &models.Notice{Staff: true, Parts: []models.NoticePart{deeds(
			models.NoticeSecurity,
			models.NoticeDeed{Event: "agent.password_set", Object: "sam-support"},
			models.NoticeDeed{Event: "passkey.added", Object: "sam-support", Target: "YubiKey"},
		)}})
	}},
	{Name: "notices/several", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component {
		given := granted(models.NoticeGiven, policy.OnAccount, terms(l, 0, false), "contact")
		over := granted(models.NoticeEnded, policy.OnAccount, nil, "contact")
		over.Why, over.ByPerson = models.EndedByTime, models.Person{}
		return noticeOf(l, &models.Notice{Joined: true, More: 3, Parts: []models.NoticePart{over, given}})
	}},
}

var (
	personAlice = models.Person{Identifier: "ad1001-mdt", Name: "Alice Durand"}
	personBruno = models.Person{Identifier: "bm1002-mdt", Name: "Bruno Martin"}
	personChloe = models.Person{Identifier: "cl1003-mdt", Name: "Chloé Laurent"}
)

func notice(parts func(*locale.Locale) []models.NoticePart) func(*locale.Locale, views.Page) templ.Component {
	return func(l *locale.Locale, _ views.Page) templ.Component {
		return noticeOf(l, &models.Notice{Parts: parts(l)})
	}
}

func noticeOf(l *locale.Locale, n *models.Notice) templ.Component {
	n.To.Name = "Chloé Laurent"
	if n.Staff {
		n.To.Name = "Sam"
	}
	v := views.NewNoticeView(l, n, "https://panel.mandat.example")
	return noticeBoth(v)
}

func terms(l *locale.Locale, extras policy.Extra, ends bool) *models.NoticeTerms {
	t := &models.NoticeTerms{Extras: extras}
	if ends {
		until := time.Date(2026, time.November, 28, 0, 0, 0, 0, time.UTC)
		t.Until, t.Note = &until, say(l, "Remplacement à l’accueil", "Stands in at the front desk")
	}
	return t
}

// granted is a part about grants of Alice's on accounts, or on her service.
func granted(k models.NoticeKind, on policy.Kind, is *models.NoticeTerms, locals ...string) models.NoticePart {
	p := models.NoticePart{Kind: k, At: Now, On: on, Domain: "garrigue.example", Is: is, ByPerson: personAlice, WhomPerson: personAlice}
	if on == policy.OnService {
		p.WhomPerson, p.Objects = personBruno, []models.NoticeObject{{Grant: 1, Name: "garrigue.example"}}
	}
	for i, local := range locals {
		p.Objects = append(p.Objects, models.NoticeObject{Grant: int64(3 + i), Name: local + "@garrigue.example"})
	}
	p.Count = len(p.Objects)
	return p
}

func ended(why string, with bool) func(*locale.Locale, views.Page) templ.Component {
	return notice(func(*locale.Locale) []models.NoticePart {
		p := granted(models.NoticeEnded, policy.OnAccount, nil, "contact")
		if p.Why, p.With = why, with; with {
			p.WhomPerson = personBruno
		}
		return []models.NoticePart{p}
	})
}

// deeds is a part about what Bruno did on Alice's service.
func deeds(k models.NoticeKind, list ...models.NoticeDeed) models.NoticePart {
	return models.NoticePart{Kind: k, At: Now, Domain: "garrigue.example", ByPerson: personBruno, Deeds: list}
}

func assisted(k models.NoticeKind, by models.ConsentKind) models.NoticePart {
	return models.NoticePart{
		Kind: k, At: Now, Agent: 1, AgentPerson: models.Person{Identifier: "sam-support", Name: "Sam"},
		Assistance: &models.NoticeAssistance{ID: 12, Reason: "Les filtres\r\nne rangent plus <b>rien</b>", Ticket: "TKT-20931", Consent: by},
	}
}
