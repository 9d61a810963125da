package views

import (
	"slices"
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// ProfileForm is the form of [ProfilePage], as typed.
type ProfileForm struct {
	Name, Language, Theme, TimeZone string
	Version                         int
	Errors                          Errors
}

// StoredProfile is the form as the customer stands.
func StoredProfile(c *models.Customer) ProfileForm {
	return ProfileForm{Name: c.Name, Language: c.Language, Theme: c.Theme, TimeZone: c.TimeZone, Version: c.Version}
}

// ProfileView is what customers see and change of themselves.
type ProfileView struct {
	Customer *models.Customer
	Form     ProfileForm
	Conflict bool                  // the form was sent for an older version
	Provider string                // what people call the provider with which they may sign in; "" for none
	Pending  *models.ContactChange // nil for none
}

func (v ProfileView) differences(l *locale.Locale) []Difference {
	f, c := v.Form, v.Customer
	list := compare(nil, l.T("profile.name"), f.Name, c.Name)
	list = compare(list, l.T("profile.language"), labelOf(languages(), f.Language), labelOf(languages(), c.Language))
	list = compare(list, l.T("profile.theme"), labelOf(themes(l), f.Theme), labelOf(themes(l), c.Theme))
	return compare(list, l.T("profile.time_zone"), f.TimeZone, c.TimeZone)
}

// labelOf is the label of a value among options, or the value itself.
func labelOf(options []ui.Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// languages call themselves by their own name.
func languages() []ui.Option {
	return []ui.Option{{Value: "fr", Label: "Français"}, {Value: "en", Label: "English"}}
}

func themes(l *locale.Locale) []ui.Option {
	options := make([]ui.Option, len(models.Themes))
	for i, theme := range models.Themes {
		name := "layout.theme_" + theme
		options[i] = ui.Option{Value: theme, Label: l.T(name)}
	}
	return options
}

// zones are the time zones that the profile offers: those of Europe, of where
// French is spoken, and one for each other offset that people live in.
var zones = strings.Fields(`
	Europe/Amsterdam Europe/Athens Europe/Belgrade Europe/Berlin Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen
	Europe/Dublin Europe/Helsinki Europe/Istanbul Europe/Kyiv Europe/Lisbon Europe/London Europe/Luxembourg Europe/Madrid
	Europe/Monaco Europe/Moscow Europe/Oslo Europe/Paris Europe/Prague Europe/Rome Europe/Sofia Europe/Stockholm Europe/Vienna
	Europe/Warsaw Europe/Zurich
	Africa/Abidjan Africa/Algiers Africa/Cairo Africa/Casablanca Africa/Dakar Africa/Douala Africa/Johannesburg Africa/Kinshasa
	Africa/Lagos Africa/Nairobi Africa/Tunis
	America/Anchorage America/Argentina/Buenos_Aires America/Bogota America/Cayenne America/Chicago America/Denver America/Guadeloupe
	America/Halifax America/Los_Angeles America/Martinique America/Mexico_City America/Miquelon America/Montreal America/New_York
	America/Port-au-Prince America/Sao_Paulo America/St_Johns America/Toronto America/Vancouver
	Asia/Bangkok Asia/Beirut Asia/Dhaka Asia/Dubai Asia/Ho_Chi_Minh Asia/Hong_Kong Asia/Jerusalem Asia/Kabul Asia/Karachi
	Asia/Kathmandu Asia/Kolkata Asia/Seoul Asia/Shanghai Asia/Singapore Asia/Tashkent Asia/Tehran Asia/Tokyo Asia/Yangon
	Atlantic/Azores Atlantic/Canary Atlantic/Cape_Verde Atlantic/Reykjavik
	Australia/Adelaide Australia/Brisbane Australia/Perth Australia/Sydney
	Indian/Antananarivo Indian/Mauritius Indian/Mayotte Indian/Reunion
	Pacific/Auckland Pacific/Gambier Pacific/Honolulu Pacific/Marquesas Pacific/Noumea Pacific/Tahiti Pacific/Wallis
	UTC`)

// zoneOptions are the zones with the one in force, whatever it is.
func zoneOptions(current string) []ui.Option {
	names := zones
	if !slices.Contains(names, current) {
		names = append([]string{current}, names...)
	}
	options := make([]ui.Option, len(names))
	for i, name := range names {
		options[i] = ui.Option{Value: name, Label: strings.ReplaceAll(name, "_", " ")}
	}
	return options
}

// ProfilePasswordForm is the form of [ProfilePasswordPanel]. Passwords never come back.
type ProfilePasswordForm struct {
	None   bool // there is none to change
	Least  int  // characters of a new one
	Errors Errors
}
