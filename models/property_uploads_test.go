package models_test

import (
	"fmt"

	"pgregory.net/rapid"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
)

// Files: the part of the machine that does all of a file or nothing.

// upload sends a file, has it checked, and done if it is right; right says
// whether it should be. It answers whether it was done.
func (m *machine) upload(t *rapid.T, k models.UploadKind, sv *pService, by *pPerson, rows []models.UploadRow, want string, right bool) bool {
	what := fmt.Sprintf("%s sends %d %s to %s", by.name, len(rows), k, sv.domain)
	ctx := t.Context()
	id, err := m.w.Store.CreateUpload(ctx, by.actor, sv.domain, k, rows)
	m.agree(what, err, want)
	if want != done {
		return false
	}
	m.ok(m.w.Store.RunUpload(ctx, id))
	_, u, err := m.w.Store.Upload(ctx, by.actor, sv.domain, k, id)
	m.ok(err)
	if u.State == models.UploadReady {
		m.ok(m.w.Store.ApplyUpload(ctx, by.actor, sv.domain, k, id))
		m.ok(m.w.Store.RunUpload(ctx, id))
		_, u, err = m.w.Store.Upload(ctx, by.actor, sv.domain, k, id)
		m.ok(err)
	}
	if done := u.State == models.UploadDone; done != right || !done && u.State != models.UploadRefused {
		lines, _, err := m.w.Store.UploadLines(ctx, u, models.UploadQuery{})
		t.Fatalf("%s: %s, want done %v: %+v %v", what, u.State, right, lines, err)
	}
	return right
}

func (m *machine) uploadAccounts(t *rapid.T) {
	sv := m.drawService(t)
	by := m.drawPerson(t, sv, "by")
	locals := rapid.SliceOfNDistinct(rapid.SampledFrom(pLocals), 1, len(pLocals), rapid.ID).Draw(t, "locals")
	type plan struct {
		local string
		is    pAccount
		was   *pAccount
	}
	var rows []models.UploadRow
	var plans []plan
	right, left := true, pRoom-sv.allotted()
	for i, local := range locals {
		row, p := models.UploadRow{Line: i + 2, Address: local}, plan{local: local, was: sv.account(local)}
		if p.was != nil {
			p.is = *p.was
		} else {
			p.is = pAccount{local: local, size: models.DefaultMaxAccountBytes}
			right = right && !sv.taken(local)
		}
		if gb := rapid.SampledFrom([]int64{0, 1, 3, 5}).Draw(t, "GB"); gb > 0 {
			text := fmt.Sprint(gb)
			row.Gigabytes, p.is.size = &text, gb*models.GB
		}
		if text := rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "text"); text != "" {
			row.Description, p.is.text = &text, text
		}
		if p.was != nil {
			left += max(p.was.size-p.is.size, 0)
		}
		rows, plans = append(rows, row), append(plans, p)
	}
	for _, p := range plans {
		had := int64(0)
		if p.was != nil {
			had = p.was.size
		}
		if left -= max(p.is.size-had, 0); left < 0 {
			right = false
			break
		}
	}
	if !m.upload(t, models.UploadAccounts, sv, by, rows, m.mayEverywhere(policy.CreateAccount, sv, by), right) {
		return
	}
	for _, p := range plans {
		switch {
		case p.was == nil:
			sv.accounts = append(sv.accounts, &p.is)
			sv.events++
		case p.is.text != p.was.text || p.is.size != p.was.size:
			p.was.text, p.was.size = p.is.text, p.is.size
			sv.events++
		}
	}
}

func (m *machine) uploadRedirections(t *rapid.T) {
	sv := m.drawService(t)
	by := m.drawPerson(t, sv, "by")
	locals := rapid.SliceOfNDistinct(rapid.SampledFrom(pOthers), 1, len(pOthers), rapid.ID).Draw(t, "locals")
	var rows []models.UploadRow
	right := m.mayEverywhere(policy.ForwardOut, sv, by) == done
	for i, local := range locals {
		rows = append(rows, models.UploadRow{Line: i + 2, Address: local, Targets: pAway})
		a, o := sv.account(local), sv.others[local]
		if o != nil && o.kind != "redirection" || a == nil && o == nil && sv.taken(local) {
			right = false
		}
	}
	if !m.upload(t, models.UploadRedirections, sv, by, rows, m.mayEverywhere(policy.EditRedirections, sv, by), right) {
		return
	}
	for _, local := range locals {
		a, o := sv.account(local), sv.others[local]
		if o != nil || a != nil && a.redirection != 0 {
			continue
		}
		var id int64
		m.ok(m.w.SQL.QueryRowContext(t.Context(), fmt.Sprintf("SELECT id FROM redirections WHERE address = '%s@%s'", local, sv.domain)).Scan(&id))
		if a != nil {
			a.redirection = id
			sv.events++
		} else {
			sv.put(local, &pOther{kind: "redirection", id: id})
		}
	}
}
